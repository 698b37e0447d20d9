//! `seedpod serve`: a Kubernetes API server until it is told to end.

use crate::cache;
use crate::cli::ServeArguments;
use crate::run::Signals;
use anyhow::Context;
use seedpod::Node;
use seedpod::serve::{ApiServer, ApiServerBuilder};
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(1);

pub(crate) fn serve(arguments: &ServeArguments) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start tokio")?;
    let code = runtime.block_on(async {
        let mut signals = Signals::new();
        let server = builder(arguments)?.start().await?;
        announce(&server, arguments)?;
        let failed = tokio::select! {
            _ = signals.next() => None,
            error = server.failed() => Some(error),
        };
        if let Some(error) = failed {
            return Err(error.into());
        }
        tokio::select! {
            () = server.shutdown() => {}
            code = signals.next() => std::process::exit(code.into()),
        }
        anyhow::Ok(ExitCode::SUCCESS)
    });
    // Only a task that is stuck is not waited for.
    runtime.shutdown_timeout(SHUTDOWN_TIME_MAX);
    code
}

fn builder(arguments: &ServeArguments) -> anyhow::Result<ApiServerBuilder> {
    let folder = arguments.state_dir.clone();
    let folder = folder.or_else(seedpod::folders::state_folder);
    let folder = folder.context("there is no home folder for the state: say --state-dir")?;
    let folder =
        std::path::absolute(&folder).with_context(|| format!("cannot use {}", folder.display()))?;
    let mut node = Node::builder().egress(arguments.egress.into());
    if let Some(code) = cache::code_folder(arguments.cache_dir.as_deref()) {
        node = node.cache_folder(code);
    }
    let mut builder = ApiServer::builder(&folder)
        .node(node)
        .names(arguments.tls_san.clone())
        .log_requests(arguments.log_requests);
    if let Some(listen) = arguments.listen {
        builder = builder.ip(listen.ip);
        if let Some(port) = listen.port {
            builder = builder.port(port);
        }
    }
    Ok(builder)
}

/// Says how to reach the server, so that a shell can take it as it is.
fn announce(server: &ApiServer, arguments: &ServeArguments) -> io::Result<()> {
    let address = server.address();
    if arguments
        .listen
        .is_some_and(|listen| !listen.ip.is_loopback())
    {
        eprintln!(
            "warning: {address} can be reached from other machines. Whoever has the token in the kubeconfig is the master \
             of this server: its pods read and write files of this user by hostPath, and open ports of this machine."
        );
    }
    let mut out = io::stdout().lock();
    writeln!(out, "# seedpod serves https://{address}")?;
    writeln!(out, "export KUBECONFIG={}", quoted(server.kubeconfig()))?;
    out.flush()
}

/// As a POSIX shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    match text.chars().all(is_plain) {
        true => text,
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}
