//! `seedpod simulate-worker`: makes the runs that another process of this program asks for.

use super::protocol::{self, Preparation, Reply, Request};
use crate::cli::WorkerArguments;
use seedpod::Engine;
use seedpod::testing::{Bench, Compiler};
use seedpod_core::seed::Seed;
use seedpod_sim::Keep;
use seedpod_sim::explore::{Case, Sample, Seeds, Stop};
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

pub(crate) fn work(arguments: &WorkerArguments) -> anyhow::Result<ExitCode> {
    let compiler = if arguments.unoptimized {
        Compiler::Unoptimized
    } else {
        Compiler::Optimized
    };
    let engine = seedpod::testing::engine(compiler, arguments.code.clone());
    let mut work = Work {
        engine,
        test: Err(Stop::Infrastructure("there is no test yet".to_owned())),
    };
    let mut input = io::stdin().lock();
    let mut output = BufWriter::new(io::stdout().lock());
    while let Some(request) = protocol::read::<Request>(&mut input)? {
        work.answer(request, &mut output)?;
        output.flush()?;
    }
    Ok(ExitCode::SUCCESS)
}

struct Work {
    engine: Result<Engine, Stop>,
    test: Result<Test, Stop>,
}

struct Test {
    bench: Bench,
    seeds: Seeds,
}

impl Work {
    fn answer(&mut self, request: Request, output: &mut impl Write) -> io::Result<()> {
        match request {
            Request::Prepare(preparation) => {
                self.test = self.prepare(&preparation);
                Ok(())
            }
            Request::Sample { from, to } => {
                for number in from..to {
                    let reply = match self.sample(number) {
                        Ok(sample) => Reply::Sample { number, sample },
                        Err(stop) => Reply::Failed(stop.into()),
                    };
                    protocol::write(&reply, output)?;
                    output.flush()?;
                }
                Ok(())
            }
            Request::Run { case, trace } => {
                let reply = self.run(&case, trace);
                protocol::write(
                    &reply.unwrap_or_else(|stop| Reply::Failed(stop.into())),
                    output,
                )
            }
        }
    }

    fn prepare(&self, preparation: &Preparation) -> Result<Test, Stop> {
        let spec = |error: String| Stop::Spec(error);
        let mut tests =
            seedpod::testing::load(&preparation.files).map_err(|error| spec(error.to_string()))?;
        if preparation.test >= tests.len() {
            return Err(spec("a test is gone from its file".to_owned()));
        }
        let test = tests.swap_remove(preparation.test);
        if test.fingerprint.to_string() != preparation.fingerprint {
            return Err(spec(format!(
                "test {}: it, its manifests or its images have changed while it was tested: test it again",
                test.test.name
            )));
        }
        let strategy = preparation.strategy.parse();
        let strategy = strategy.map_err(|_| spec("unknown strategy".to_owned()))?;
        let seeds = Seeds::containing(Seed::new(preparation.seed));
        let bench = Bench::new(test, self.engine.clone()?, strategy);
        let bench = bench.map_err(|error| spec(error.to_string()))?;
        Ok(Test { bench, seeds })
    }

    fn test(&mut self) -> Result<&mut Test, Stop> {
        self.test.as_mut().map_err(|stop| stop.clone())
    }

    fn sample(&mut self, number: u64) -> Result<Sample, Stop> {
        let test = self.test()?;
        let case = Case::sampled(test.seeds.of(number));
        let report = test.bench.run_case(test.seeds, &case, Keep::Schedule)?;
        Ok(Sample::of(&report))
    }

    fn run(&mut self, case: &Case, trace: bool) -> Result<Reply, Stop> {
        let keep = if trace { Keep::Trace } else { Keep::Schedule };
        let test = self.test()?;
        let report = test.bench.run_case(test.seeds, case, keep)?;
        let hash = Sample::of(&report).hash;
        let trace = trace.then_some(report.trace);
        Ok(Reply::Ran { hash, trace })
    }
}
