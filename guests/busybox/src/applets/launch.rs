//! Tools that run other programs: `env`, `nohup`, `timeout`, `xargs`, `time`, `which`.

use super::sleep::duration;
use crate::sys::{self, Desc, Disposition, Error, Exit, Program, SELF, SIGHUP, SIGKILL, SIGTERM};
use crate::tool::{Options, Ran, Tool};
use std::time::{Duration, Instant};

/// Bytes of arguments in one command of `xargs`, as in busybox.
const ARGUMENTS_MAX: usize = 32 * 1024;
/// How often `timeout` looks for the end of its child.
const POLL: Duration = Duration::from_millis(20);

/// The file a command name stands for.
pub fn locate(name: &str) -> Option<String> {
    let is_file = |path: &String| std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    if name.contains('/') {
        return Some(name.to_owned()).filter(is_file);
    }
    let path = std::env::var("PATH").unwrap_or_else(|_| crate::sh::main::DEFAULT_PATH.to_owned());
    let candidates = path
        .split(':')
        .map(|directory| format!("{directory}/{name}"));
    candidates
        .into_iter()
        .find(is_file)
        .or_else(|| super::is_applet(name).then(|| SELF.to_owned()))
}

fn program(arguments: &[String]) -> Result<Program, Error> {
    let path = locate(&arguments[0]).ok_or(Error::NoEntry)?;
    Ok(Program {
        path: if path == SELF {
            path
        } else {
            crate::tool::absolute(&path)
        },
        arguments: arguments.to_vec(),
        environment: std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
        directory: crate::tool::absolute(".").trim_end_matches("/.").to_owned() + "/",
    })
}

/// Starts a program with this one's descriptors.
pub fn spawn(arguments: &[String]) -> Result<u32, Error> {
    spawn_with(arguments, &[])
}

/// As [`spawn`], with some descriptors of its own.
pub fn spawn_with(arguments: &[String], descs: &[(u32, &Desc)]) -> Result<u32, Error> {
    sys::spawn(&program(arguments)?, descs)
}

pub fn wait(pid: u32) -> Exit {
    loop {
        match sys::wait(Some(pid)) {
            Ok((_, exit)) => return exit,
            Err(Error::Interrupted) => drop(sys::take()),
            Err(_) => return Exit::Exited(127),
        }
    }
}

/// Becomes another program; returns the status of a failure.
fn become_program(tool: &mut Tool, program: Result<Program, Error>, name: &str) -> u8 {
    tool.flush();
    let error = match program {
        Ok(program) => sys::exec(&program, &[]),
        Err(error) => error,
    };
    tool.complain(format_args!("can't execute '{name}': {error}"));
    if error == Error::NoEntry { 127 } else { 126 }
}

pub fn env(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(
        arguments,
        "+iu:0",
        &[("ignore-environment", 'i'), ("unset", 'u')],
    )?;
    let mut environment: Vec<(String, String)> = if options.has('i') {
        Vec::new()
    } else {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    };
    environment.retain(|(name, _)| !options.values('u').any(|unset| unset == name));
    let mut rest = options.operands.as_slice();
    if rest.first().is_some_and(|first| first == "-") {
        environment.clear();
        rest = &rest[1..];
    }
    while let Some((name, value)) = rest.first().and_then(|first| first.split_once('=')) {
        environment.retain(|(known, _)| known != name);
        environment.push((name.to_owned(), value.to_owned()));
        rest = &rest[1..];
    }
    let Some(name) = rest.first() else {
        let end = if options.has('0') { '\0' } else { '\n' };
        environment
            .iter()
            .for_each(|(name, value)| tool.print(format_args!("{name}={value}{end}")));
        return Ok(0);
    };
    let program = program(rest).map(|program| Program {
        environment,
        ..program
    });
    Ok(become_program(tool, program, name))
}

pub fn nohup(tool: &mut Tool, arguments: &[String]) -> Ran {
    let Some(name) = arguments.get(1) else {
        return Err("missing operand".to_owned());
    };
    sys::handle(SIGHUP, Disposition::Ignore).map_err(|error| error.to_string())?;
    Ok(become_program(tool, program(&arguments[1..]), name))
}

pub fn timeout(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("signal", 's'),
        ("kill-after", 'k'),
        ("preserve-status", 'p'),
        ("foreground", 'f'),
    ];
    let options = Options::read(arguments, "+s:k:pft:", &long)?;
    let [limit, command @ ..] = options.operands.as_slice() else {
        return Err("missing operand".to_owned());
    };
    let Some(name) = command.first() else {
        return Err("missing operand".to_owned());
    };
    let limit = duration(limit)?;
    let signal = match options.value('s') {
        Some(name) => {
            sys::signal_number(name).ok_or_else(|| format!("bad signal name '{name}'"))?
        }
        None => SIGTERM,
    };
    let kill_after = options.value('k').map(duration).transpose()?.flatten();
    let pid = match spawn(command) {
        Ok(pid) => pid,
        Err(error) => {
            tool.complain(format_args!("can't execute '{name}': {error}"));
            return Ok(if error == Error::NoEntry { 127 } else { 126 });
        }
    };
    let Some(limit) = limit.filter(|limit| !limit.is_zero()) else {
        return Ok(wait(pid).status());
    };
    if let Some(exit) = wait_for(pid, limit) {
        return Ok(exit.status());
    }
    // It may end at this very moment.
    let _ = sys::kill(i64::from(pid), signal);
    let exit = match kill_after {
        Some(after) => wait_for(pid, after).unwrap_or_else(|| {
            let _ = sys::kill(i64::from(pid), SIGKILL);
            wait(pid)
        }),
        None => wait(pid),
    };
    if let (Exit::Signaled(signal), false) = (exit, options.has('p')) {
        // As if this process had been the command; the code says the same if it cannot.
        let _ = sys::kill(i64::from(sys::id()), signal);
    }
    Ok(exit.status())
}

fn wait_for(pid: u32, limit: Duration) -> Option<Exit> {
    let until = Instant::now() + limit;
    loop {
        match sys::try_wait(Some(pid)) {
            Ok(Some((_, exit))) => return Some(exit),
            Ok(None) | Err(Error::Interrupted) => {}
            Err(_) => return Some(Exit::Exited(127)),
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        std::thread::sleep(left.min(POLL));
    }
}

pub fn time(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "+pv", &[])?;
    let Some(name) = options.operands.first() else {
        return Err("missing operand".to_owned());
    };
    let started = Instant::now();
    let status = match spawn(&options.operands) {
        Ok(pid) => wait(pid).status(),
        Err(error) => {
            tool.complain(format_args!("can't execute '{name}': {error}"));
            127
        }
    };
    let elapsed = started.elapsed();
    let seconds = elapsed.as_secs_f64() % 60.0;
    tool.write_error(format!("real\t{}m {seconds:.2}s\n", elapsed.as_secs() / 60).as_bytes());
    Ok(status)
}

pub fn which(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "a", &[])?;
    let mut status = 0;
    for name in &options.operands {
        match locate(name) {
            Some(path) => tool.line(if path == SELF { name } else { &path }),
            None => status = 1,
        }
    }
    Ok(status)
}

pub fn xargs(tool: &mut Tool, arguments: &[String]) -> Ran {
    let long = [
        ("null", '0'),
        ("no-run-if-empty", 'r'),
        ("max-args", 'n'),
        ("replace", 'I'),
        ("verbose", 't'),
    ];
    let options = Options::read(arguments, "+0rtn:I:L:P:s:d:x", &long)?;
    let Some(mut input) = tool.open("-") else {
        return Ok(1);
    };
    let text = input.all(tool)?;
    let replace = options.value('I').map(str::to_owned);
    let items = items(&text, &options)?;
    let mut command = options.operands.clone();
    if command.is_empty() {
        command.push("echo".to_owned());
    }
    let at_once: usize = match (&replace, options.number('n')?.or(options.number('L')?)) {
        (Some(_), _) => 1,
        (None, Some(0)) => return Err("invalid number '0'".to_owned()),
        (None, count) => count.unwrap_or(usize::MAX),
    };
    let mut status = 0;
    let mut rest = items.as_slice();
    let runs_empty = !options.has('r') && replace.is_none();
    while !rest.is_empty() || runs_empty {
        let mut size: usize = command.iter().map(|word| word.len() + 1).sum();
        let fits = |item: &&String| {
            size += item.len() + 1;
            size <= ARGUMENTS_MAX
        };
        let count = rest
            .iter()
            .take(at_once)
            .take_while(fits)
            .count()
            .max(usize::from(!rest.is_empty()));
        let (batch, after) = rest.split_at(count);
        rest = after;
        let line: Vec<String> = match &replace {
            Some(mark) => command
                .iter()
                .map(|word| word.replace(mark.as_str(), &batch[0]))
                .collect(),
            None => command.iter().chain(batch).cloned().collect(),
        };
        if options.has('t') {
            tool.write_error(format!("{}\n", line.join(" ")).as_bytes());
        }
        match run_batch(tool, &line) {
            Batch::Fine => {}
            Batch::Failed => status = 123,
            Batch::Stop(code) => return Ok(code),
        }
        if rest.is_empty() {
            break;
        }
    }
    Ok(status)
}

/// What `xargs` read, as the arguments it makes.
fn items(text: &[u8], options: &Options) -> Result<Vec<String>, String> {
    Ok(if options.has('0') {
        text.split(|byte| *byte == 0)
            .filter(|item| !item.is_empty())
            .map(lossy)
            .collect()
    } else if let Some(delimiter) = options.value('d') {
        let (delimiter, _) = super::echo::unescape(delimiter.as_bytes(), false);
        let text = text.strip_suffix(b"\n").unwrap_or(text);
        text.split(|byte| delimiter.first() == Some(byte))
            .map(lossy)
            .collect()
    } else if options.has('I') || options.has('L') {
        lossy(text)
            .lines()
            .map(|line| line.trim_start().to_owned())
            .filter(|line| !line.is_empty())
            .collect()
    } else {
        return words(&lossy(text));
    })
}

enum Batch {
    Fine,
    Failed,
    Stop(u8),
}

fn run_batch(tool: &mut Tool, line: &[String]) -> Batch {
    match spawn(line).map(wait) {
        Ok(Exit::Exited(0)) => Batch::Fine,
        Ok(Exit::Exited(255)) => {
            tool.complain(format_args!(
                "{}: exited with status 255; aborting",
                line[0]
            ));
            Batch::Stop(124)
        }
        Ok(Exit::Exited(_)) => Batch::Failed,
        Ok(Exit::Signaled(signal)) => {
            tool.complain(format_args!("'{}' terminated by signal {signal}", line[0]));
            Batch::Stop(125)
        }
        Err(error) => {
            tool.complain(format_args!("{}: {error}", line[0]));
            Batch::Stop(if error == Error::NoEntry { 127 } else { 126 })
        }
    }
}

fn lossy(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(bytes.as_ref()).into_owned()
}

/// Words as `xargs` separates them: blanks, with quotes and backslashes.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some(end) if end == c => break,
                        Some('\n') | None => {
                            return Err(format!(
                                "unmatched {} quote",
                                if c == '"' { "double" } else { "single" }
                            ));
                        }
                        Some(c) => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c if c.is_whitespace() => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separates_words() {
        for (text, expected) in [
            ("a b\nc", Some(vec!["a", "b", "c"])),
            ("'a b' \"c\"d", Some(vec!["a b", "cd"])),
            ("a\\ b", Some(vec!["a b"])),
            ("''", Some(vec![""])),
            ("'a", None),
        ] {
            let expected = expected.map(|words| words.into_iter().map(str::to_owned).collect());
            assert_eq!(words(text).ok(), expected, "{text}");
        }
    }
}
