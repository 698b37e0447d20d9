//! The command line.

use super::NAME;
use super::config::Config;
use super::load::{Defaults, load};
use std::io::Write;

/// What the arguments ask for.
#[derive(Debug, Default)]
struct Options {
    help: bool,
    version: bool,
    configure: bool,
    test: bool,
    dump: bool,
    quiet: bool,
    conf: Option<String>,
    globals: String,
    prefix: Option<String>,
    error_log: Option<String>,
}

const PREFIX: &str = "/etc/nginx";
const ERROR_LOG: &str = "/var/log/nginx/error.log";
const ACCESS_LOG: &str = "/var/log/nginx/access.log";
const PID: &str = "/run/nginx.pid";

/// Runs the program, of which `serve` is the part that serves. Returns its exit code.
pub fn main(args: &[String], serve: fn(Config) -> u8) -> u8 {
    let options = match parse(args) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("nginx: {message}");
            return 1;
        }
    };
    if options.help || options.version {
        eprintln!("nginx version: {NAME}");
        if options.help {
            eprintln!("{HELP}");
        }
        if options.configure {
            eprintln!(
                "configure arguments: --prefix={PREFIX} --conf-path={PREFIX}/nginx.conf --pid-path={PID} --error-log-path={ERROR_LOG} --http-log-path={ACCESS_LOG}"
            );
        }
        return 0;
    }
    let prefix = options
        .prefix
        .as_deref()
        .unwrap_or(PREFIX)
        .trim_end_matches('/');
    let path = match options.conf.as_deref().unwrap_or("nginx.conf") {
        path if path.starts_with('/') => path.to_owned(),
        path => format!("{prefix}/{path}"),
    };
    let defaults = Defaults {
        path: &path,
        globals: &options.globals,
        error_log: options.error_log.as_deref().unwrap_or(ERROR_LOG),
        access_log: ACCESS_LOG,
        pid: PID,
        prefix,
    };
    let (config, files) = load(&defaults);
    let fail = |message: &str| {
        eprintln!("nginx: [emerg] {message}");
        if options.test {
            eprintln!("nginx: configuration file {path} test failed");
        }
        1
    };
    let config = match config {
        Ok(config) => config,
        Err(error) => return fail(&error.to_string()),
    };
    for warning in &config.warnings {
        eprintln!("nginx: [warn] {warning}");
    }
    if options.test && !options.quiet {
        eprintln!("nginx: the configuration file {path} syntax is ok");
    }
    if !config.has_events {
        return fail("no \"events\" section in configuration");
    }
    if !options.test {
        return serve(config);
    }
    if !options.quiet {
        eprintln!("nginx: configuration file {path} test is successful");
    }
    if options.dump {
        let mut out = std::io::stdout().lock();
        for (file, text) in files.iter().rev() {
            let written = writeln!(out, "# configuration file {file}:")
                .and_then(|()| out.write_all(text))
                .and_then(|()| writeln!(out));
            if written.is_err() {
                return 1;
            }
        }
    }
    0
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut args = args.iter().skip(1);
    while let Some(argument) = args.next() {
        let letters = argument
            .strip_prefix('-')
            .ok_or_else(|| format!("invalid option: \"{argument}\""))?;
        for (index, letter) in letters.char_indices() {
            let mut value = |what: &str| match &letters[index + 1..] {
                "" => args
                    .next()
                    .cloned()
                    .ok_or_else(|| format!("option \"-{letter}\" requires {what}")),
                rest => Ok(rest.to_owned()),
            };
            match letter {
                '?' | 'h' => options.help = true,
                'v' => options.version = true,
                'V' => (options.version, options.configure) = (true, true),
                't' => options.test = true,
                'T' => (options.test, options.dump) = (true, true),
                'q' => options.quiet = true,
                'c' => options.conf = Some(value("file name")?),
                'g' => options.globals = value("parameter")?,
                'p' => options.prefix = Some(value("directory name")?),
                'e' => options.error_log = Some(value("file name")?),
                _ => return Err(format!("invalid option: \"{letter}\"")),
            }
            if matches!(letter, 'c' | 'g' | 'p' | 'e') {
                break;
            }
        }
    }
    Ok(options)
}

const HELP: &str = "Usage: nginx [-?hvVtTq] [-c filename] [-e filename] [-p prefix] [-g directives]

Options:
  -?,-h         : this help
  -v            : show version and exit
  -V            : show version and configure options then exit
  -t            : test configuration and exit
  -T            : test configuration, dump it and exit
  -q            : suppress non-error messages during configuration testing
  -p prefix     : set prefix path (default: /etc/nginx)
  -e filename   : set error log file (default: /var/log/nginx/error.log)
  -c filename   : set configuration file (default: nginx.conf)
  -g directives : set global directives out of configuration file
";
