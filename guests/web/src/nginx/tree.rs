//! The directives of a configuration with its includes, checked for name, place and number of arguments.

use super::directives::{self, Context};
use super::error::{ConfigError, os_error};
use super::lexer::{Ending, Lexer};
use std::fs;
use std::io;
use std::path::Path;
use std::rc::Rc;

#[derive(Debug)]
pub struct Directive {
    pub name: String,
    pub args: Vec<String>,
    /// Of a block directive; empty otherwise.
    pub block: Vec<Directive>,
    /// Whether the end of the block was reached before an error.
    pub complete: bool,
    pub file: Rc<str>,
    pub line: u32,
}

impl Directive {
    /// An error at this directive.
    pub fn error(&self, message: impl Into<String>) -> ConfigError {
        ConfigError::new(message).at(self.line).of(&self.file)
    }
}

/// Name and text of a file that was read.
pub type SourceFile = (Rc<str>, Vec<u8>);

/// Deepest nesting of blocks and includes.
const DEPTH_MAX: usize = 32;
/// All configuration files together.
const BYTES_MAX: usize = 4 << 20;

/// Reads files into a tree. On an error, what came before it stays in the tree: nginx would have met an error there first.
pub struct Parser {
    /// Where relative names of includes start.
    pub prefix: String,
    /// Every file that was read, for `-T`.
    pub files: Vec<SourceFile>,
    bytes: usize,
}

struct Source<'a> {
    lexer: Lexer<'a>,
    file: Rc<str>,
    depth: usize,
    /// The `-g` option instead of a file.
    option: bool,
}

impl Parser {
    pub fn new(prefix: String) -> Self {
        Parser {
            prefix,
            files: Vec::new(),
            bytes: 0,
        }
    }

    /// Parses the text of the `-g` option.
    pub fn option(&mut self, text: &str, into: &mut Vec<Directive>) -> Result<(), ConfigError> {
        let mut text = text.to_owned();
        text.push_str(" ;");
        if text.trim_end_matches([';', ' ']).is_empty() {
            return Ok(());
        }
        let trimmed = text.trim_end_matches([';', ' ']).to_owned() + ";";
        let mut source = Source {
            lexer: Lexer::new(trimmed.as_bytes()),
            file: "command line".into(),
            depth: 0,
            option: true,
        };
        self.block(&mut source, Context::Main, false, into)
            .map_err(|mut error| {
                error.file = None;
                error.message += " in command line";
                error
            })
    }

    /// Parses a file with all it includes.
    pub fn file(&mut self, path: &str, into: &mut Vec<Directive>) -> Result<(), ConfigError> {
        self.read(path, 0, Context::Main, into)
    }

    fn read(
        &mut self,
        path: &str,
        depth: usize,
        context: Context,
        into: &mut Vec<Directive>,
    ) -> Result<(), ConfigError> {
        let text = fs::read(path).map_err(|error| {
            ConfigError::new(format!("open() \"{path}\" failed ({})", os_error(&error)))
        })?;
        let file: Rc<str> = path.into();
        self.bytes += text.len();
        if depth > DEPTH_MAX || self.bytes > BYTES_MAX {
            return Err(ConfigError::new(format!(
                "\"{path}\" makes the configuration too large"
            )));
        }
        let mut source = Source {
            lexer: Lexer::new(&text),
            file: file.clone(),
            depth,
            option: false,
        };
        let result = self.block(&mut source, context, false, into);
        self.files.push((file, text));
        result
    }

    fn block(
        &mut self,
        source: &mut Source<'_>,
        context: Context,
        nested: bool,
        into: &mut Vec<Directive>,
    ) -> Result<(), ConfigError> {
        loop {
            let next = source
                .lexer
                .directive()
                .map_err(|error| error.of(&source.file))?;
            let line = source.lexer.line;
            let fail = |message: String| Err(ConfigError::new(message).at(line).of(&source.file));
            let (mut words, ending) = next;
            match ending {
                Ending::BlockEnd if nested => return Ok(()),
                Ending::BlockEnd => return fail("unexpected \"}\"".into()),
                Ending::EndOfFile if nested => {
                    return fail("unexpected end of file, expecting \"}\"".into());
                }
                Ending::EndOfFile => return Ok(()),
                Ending::BlockStart if source.option => {
                    return fail("block directives are not supported in -g option".into());
                }
                Ending::BlockStart | Ending::Semicolon => {}
            }
            let name = words.remove(0);
            let args = words;
            let is_block = ending == Ending::BlockStart;
            let inner = match directives::check(context, &name, args.len(), is_block) {
                Ok(inner) => inner,
                Err(message) => return fail(message),
            };
            let mut directive = Directive {
                name,
                args,
                block: Vec::new(),
                complete: true,
                file: source.file.clone(),
                line,
            };
            if directive.name == "include" {
                self.include(&directive, source.depth, context, into)?;
                continue;
            }
            let mut result = Ok(());
            if is_block {
                source.depth += 1;
                if source.depth > DEPTH_MAX {
                    return fail("too deep nesting".into());
                }
                result = self.block(source, inner, true, &mut directive.block);
                source.depth -= 1;
                directive.complete = result.is_ok();
            }
            into.push(directive);
            result?;
        }
    }

    fn include(
        &mut self,
        include: &Directive,
        depth: usize,
        context: Context,
        into: &mut Vec<Directive>,
    ) -> Result<(), ConfigError> {
        let pattern = self.full_name(&include.args[0]);
        let paths = if pattern.contains(['*', '?', '[']) {
            glob(&pattern).map_err(|error| {
                include.error(format!(
                    "glob() \"{pattern}\" failed ({})",
                    os_error(&error)
                ))
            })?
        } else {
            vec![pattern]
        };
        for path in paths {
            self.read(&path, depth + 1, context, into)
                .map_err(|error| match error.line {
                    Some(_) => error,
                    None => error.at(include.line).of(&include.file),
                })?;
        }
        Ok(())
    }

    fn full_name(&self, name: &str) -> String {
        if name.starts_with('/') {
            name.to_owned()
        } else {
            format!("{}/{name}", self.prefix.trim_end_matches('/'))
        }
    }
}

/// Paths that match, in order of their names. Only the last component may have wildcards; none matching is no error.
fn glob(pattern: &str) -> io::Result<Vec<String>> {
    let (directory, name_pattern) = pattern.rsplit_once('/').unwrap_or((".", pattern));
    let mut paths = Vec::new();
    let entries = match fs::read_dir(Path::new(if directory.is_empty() {
        "/"
    } else {
        directory
    })) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(paths),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if (!name.starts_with('.') || name_pattern.starts_with('.'))
            && matches_glob(name_pattern.as_bytes(), name.as_bytes())
        {
            paths.push(format!("{directory}/{name}"));
        }
    }
    paths.sort();
    Ok(paths)
}

fn matches_glob(pattern: &[u8], name: &[u8]) -> bool {
    match pattern {
        [] => name.is_empty(),
        [b'*', rest @ ..] => (0..=name.len()).any(|skip| matches_glob(rest, &name[skip..])),
        [b'?', rest @ ..] => !name.is_empty() && matches_glob(rest, &name[1..]),
        [b'[', rest @ ..] => match (rest.iter().position(|&byte| byte == b']'), name) {
            (Some(end), [first, others @ ..]) => {
                rest[..end].contains(first) && matches_glob(&rest[end + 1..], others)
            }
            _ => false,
        },
        [first, rest @ ..] => name.first() == Some(first) && matches_glob(rest, &name[1..]),
    }
}
