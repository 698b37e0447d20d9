//! What can be written on the command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use seedpod::Publish;
use seedpod_core::sched::StrategyKind;
use seedpod_core::seed::Seed;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Runs ordinary Kubernetes Pod manifests as WebAssembly: one host process is the pod.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs every pod of the manifests and prints what their containers write
    ///
    /// Exits with 0 when all pods succeeded, 1 when one failed, 2 when nothing could start, 124 after --timeout, 130
    /// after Ctrl-C and 143 after SIGTERM. Lines of containers go to standard output as `[pod/container] line`,
    /// everything else to standard error.
    Run(RunArguments),
    /// Serves the Kubernetes API for the pods of this machine, so that kubectl works against it
    ///
    /// Prints the line that makes kubectl find it. Objects, keys and the kubeconfig are in the state folder; a second
    /// start goes on where the first ended. Exits with 0 after Ctrl-C or SIGTERM, and 2 when it could not start or keep
    /// its objects.
    Serve(ServeArguments),
    /// Tests how the containers of pods interact: many deterministic runs, each from its own seed
    ///
    /// Exits with 0 when every property held in every run, 1 when one failed, 2 when a test or manifest is wrong, 3 when
    /// the same run left two different traces, and 4 when a run could not be made.
    Test(TestArguments),
    /// Makes a recorded run again
    ///
    /// Exits with 1 when it fails as it was recorded, 0 when it no longer fails, 2 when it is not the same program or
    /// test any more, and 3 when it left another trace.
    Replay(ReplayArguments),
    /// Shows where two traces part
    ///
    /// Exits with 0 when they are equal, 1 when they differ, and 2 when one cannot be read.
    Diff(DiffArguments),
    /// Validates manifests without running them, and prints what is honoured, ignored and refused, and why
    Check(CheckArguments),
    /// Compiles what earlier runs left undone; started by `run` itself
    #[command(hide = true)]
    Optimize(OptimizeArguments),
    /// Makes runs that another process asks for; started by `test` itself
    #[command(hide = true)]
    SimulateWorker(WorkerArguments),
}

#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// Test files: YAML or JSON of kind PodTest
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// One exact run; with --runs or --budget, the exploration that it belongs to [default: as the content of the test
    /// says, so that a second test of the same repeats the first]
    #[arg(long, value_name = "SEED", value_parser = parse_seed)]
    pub(crate) seed: Option<Seed>,

    /// Draws a seed instead, and prints it
    #[arg(long, conflicts_with = "seed")]
    pub(crate) fresh: bool,

    /// Runs of each test, no fewer even when nothing new is seen any more [default: `spec.runs`, or what 10s allow]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) runs: Option<u64>,

    /// Real time for each test, such as 10s or 5m
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) budget: Option<Duration>,

    /// How runs are chosen: portfolio, pos, surw, pct:3, random, sticky, default or systematic [default: `spec.strategy`]
    #[arg(long, value_name = "STRATEGY")]
    pub(crate) strategy: Option<StrategyKind>,

    /// Processes that make runs [default: one per core]
    #[arg(short, long, value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,

    /// Distinct failures after which a test ends
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) failures: u16,

    #[command(flatten)]
    pub(crate) reports: Reports,

    /// Writes the result of every property as JUnit's XML
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) cache: Cache,
}

/// What to leave behind of one run: of the first failure, or else of the last run.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Reports {
    /// Writes what happened in the run, one JSON object a line; - for standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,

    /// Writes it as a page with a diagram, for a browser
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,

    /// Writes its virtual network traffic, for Wireshark
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,

    /// Writes it as a timeline, for ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    pub(crate) perfetto: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Cache {
    /// Where to keep compiled code [default: $SEEDPOD_CACHE, or a folder `seedpod` where this system keeps caches]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cache_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArguments {
    /// Recorded choices, as `seedpod test` leaves them
    #[arg(value_name = "FILE.choices")]
    pub(crate) file: PathBuf,

    /// Replays although versions, programs or the test have changed, and says where the choices stop to fit
    #[arg(long)]
    pub(crate) force: bool,

    /// How often
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) times: u32,

    #[command(flatten)]
    pub(crate) reports: Reports,

    #[command(flatten)]
    pub(crate) cache: Cache,
}

#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// A trace, as --trace writes it
    #[arg(value_name = "TRACE")]
    pub(crate) left: PathBuf,

    /// Another
    #[arg(value_name = "TRACE")]
    pub(crate) right: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct WorkerArguments {
    /// Folder of compiled code
    #[arg(long)]
    pub(crate) code: Option<PathBuf>,

    /// Compiles without optimization
    #[arg(long)]
    pub(crate) unoptimized: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Manifests in YAML or JSON: files, folders of them, or - for standard input
    #[arg(required_unless_present = "static_pods", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Runs each file of a folder as a static pod while it is there, and follows changes until it is stopped
    #[arg(long, value_name = "FOLDER")]
    pub(crate) static_pods: Option<PathBuf>,

    /// Opens a port of this machine to a port of a pod; IP is 127.0.0.1 unless given, HOST 0 takes a free port
    #[arg(short, long, value_name = "[IP:]HOST:PORT[/udp][@POD]")]
    pub(crate) publish: Vec<Publish>,

    /// What containers may reach outside of the pod network
    #[arg(long, value_enum, default_value_t = Egress::None)]
    pub(crate) egress: Egress,

    /// Stops the pods after this time, such as 5s, 500ms or 1m30s, with their grace period
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) timeout: Option<Duration>,

    /// Sends standard input to a container with `stdin: true`; its end too, with `stdinOnce: true`
    #[arg(short = 'i', long, value_name = "[POD/]CONTAINER")]
    pub(crate) stdin: Option<String>,

    /// How to print: as text, or one JSON object a line
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub(crate) output: Format,

    /// Runs in virtual time instead, on a virtual machine: the same seed gives the same run
    #[arg(long, conflicts_with_all = ["publish", "egress", "stdin", "static_pods", "events", "output"])]
    pub(crate) simulate: bool,

    /// Where all chance of a simulated run comes from [default: none, in the default order]
    #[arg(long, value_name = "SEED", requires = "simulate", value_parser = parse_seed)]
    pub(crate) seed: Option<Seed>,

    /// Writes what happened in a simulated run, one JSON object a line; - for standard output
    #[arg(long, value_name = "FILE", requires = "simulate")]
    pub(crate) trace: Option<PathBuf>,

    /// Prints every event on standard error as it happens, not only warnings
    #[arg(long)]
    pub(crate) events: bool,

    /// Writes what passes the network of the pods to a file for Wireshark, real ports included
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,

    /// Where to keep compiled code and volumes [default: $SEEDPOD_CACHE, or a folder `seedpod` where this system keeps
    /// caches]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cache_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Where to listen; port 0 takes a free one. Anything but loopback lets other machines try the token [default:
    /// 127.0.0.1 with the port of the last run, or 6443, or a free one]
    #[arg(long, value_name = "IP[:PORT]", value_parser = parse_listen)]
    pub(crate) listen: Option<Listen>,

    /// Further addresses and names in the certificate, for clients that know the server by them
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) tls_san: Vec<String>,

    /// Where to keep objects, keys and the kubeconfig [default: $XDG_STATE_HOME/seedpod, or ~/.local/state/seedpod]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) state_dir: Option<PathBuf>,

    /// Writes a line for each request to standard error: method, path, agent, status and milliseconds
    #[arg(long)]
    pub(crate) log_requests: bool,

    /// What containers may reach outside of the pod network
    #[arg(long, value_enum, default_value_t = Egress::None)]
    pub(crate) egress: Egress,

    /// Where to keep compiled code [default: $SEEDPOD_CACHE, or a folder `seedpod` where this system keeps caches]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) cache_dir: Option<PathBuf>,
}

/// Where to listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    pub(crate) ip: IpAddr,
    pub(crate) port: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct OptimizeArguments {
    /// Folder of compiled code
    pub(crate) code: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Manifests in YAML or JSON: files, folders of them, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Egress {
    /// Nothing
    None,
    /// Whatever this machine reaches
    Host,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// `[pod/container] line`
    Text,
    /// One object a line
    Json,
}

impl From<Egress> for seedpod::Egress {
    fn from(egress: Egress) -> Self {
        match egress {
            Egress::None => Self::None,
            Egress::Host => Self::Host,
        }
    }
}

fn parse_listen(text: &str) -> Result<Listen, String> {
    let address = text.parse::<SocketAddr>().map(|address| Listen {
        ip: address.ip(),
        port: Some(address.port()),
    });
    let ip = || text.parse().map(|ip| Listen { ip, port: None });
    let wrong = |_| "expected an address such as 127.0.0.1:6443, [::1]:0 or 0.0.0.0".to_owned();
    address.or_else(|_| ip()).map_err(wrong)
}

fn parse_seed(text: &str) -> Result<Seed, String> {
    let wrong = || "expected a number such as 42 or 0x5eed_0000_0000_1a2b".to_owned();
    seedpod_sim::explore::parse_seed(text).ok_or_else(wrong)
}

/// As Go's `time.ParseDuration` for the units a person would wait: `1h2m3.5s`, `500ms`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a duration such as 5s, 500ms or 1m30s".to_owned();
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(wrong)?;
        let (number, after) = rest.split_at(digits);
        let unit_end = after
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        let scale = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        seconds += number.parse::<f64>().map_err(|_| wrong())? * scale;
        rest = after;
    }
    if text.is_empty() {
        Err(wrong())
    } else {
        Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations() {
        let check = |text: &str, millis: Option<u64>| {
            assert_eq!(
                parse_duration(text).ok(),
                millis.map(Duration::from_millis),
                "{text}"
            );
        };
        check("5s", Some(5000));
        check("500ms", Some(500));
        check("1m30s", Some(90_000));
        check("1.5h", Some(5_400_000));
        check("0s", Some(0));
        for text in [
            "",
            "5",
            "s",
            "5 s",
            "-5s",
            "5d",
            "1..2s",
            "99999999999999999999h",
        ] {
            check(text, None);
        }
    }
}
