//! SIGTERM loses what is in flight: a worker acknowledges a job, and then does it.
//!
//! The client ends when it has its acknowledgement, and with it the pod: SIGTERM meets a worker that has not done the job
//! yet. The correction uses its grace period, and finishes what it has acknowledged.

use crate::shared::{Code, Outcome, append, queue, receive, send, text, unknown_role};
use seedpod_guest::ipc::Error;
use seedpod_guest::process::signals::{self, Disposition};

const JOBS: &str = "/jobs";
const ACKNOWLEDGEMENTS: &str = "/acknowledgements";
const RESULTS: &str = "/shared/results";
const SIGTERM: u8 = 15;

pub(crate) fn run(role: &str, code: Code) -> Outcome {
    match role {
        "client" => ask(),
        "worker" => work(code),
        _ => unknown_role(role),
    }
}

fn ask() -> Outcome {
    let (jobs, acknowledgements) = (queue(JOBS)?, queue(ACKNOWLEDGEMENTS)?);
    for job in ["job 1", "job 2"] {
        send(&jobs, job)?;
        receive(&acknowledgements)?;
        println!("{job} is acknowledged");
    }
    Ok(())
}

fn work(code: Code) -> Outcome {
    if code == Code::Fixed {
        let caught = signals::handle(SIGTERM, Disposition::Catch);
        caught.map_err(|error| format!("catch SIGTERM: {error:?}"))?;
    }
    let (jobs, acknowledgements) = (queue(JOBS)?, queue(ACKNOWLEDGEMENTS)?);
    loop {
        let job = match jobs.receive() {
            Ok(message) => text(message)?,
            // SIGTERM, and no job is left.
            Err(Error::Interrupted) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        send(&acknowledgements, &job)?;
        append(RESULTS, &job)?;
    }
}
