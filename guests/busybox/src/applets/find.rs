//! `find`.

use super::{launch, reason};
use crate::files::Stat;
use crate::sh::Pattern;
use crate::sys::Exit;
use crate::time::Date;
use crate::tool::{Ran, Tool};

/// Directories inside each other that are visited.
const DEPTH_MAX: u32 = 256;

enum Test {
    Name(Pattern, bool),
    Path(Pattern, bool),
    Kind(String),
    /// Bytes of a unit, and what to compare the count with.
    Size(u64, Compare),
    /// Seconds of a unit.
    Age(i64, Compare),
    Newer(i64, u32),
    Empty,
    Prune,
    Print(char),
    Delete,
    Quit,
    Constant(bool),
    Run {
        command: Vec<String>,
        together: bool,
    },
    Not(Box<Test>),
    And(Box<Test>, Box<Test>),
    Or(Box<Test>, Box<Test>),
}

#[derive(Clone, Copy)]
enum Compare {
    Less(i64),
    Equal(i64),
    More(i64),
}

impl Compare {
    fn read(text: &str) -> Option<Self> {
        let (sign, digits) = match text.as_bytes().first()? {
            b'-' | b'+' => text.split_at(1),
            _ => ("", text),
        };
        let number = digits.parse().ok()?;
        Some(match sign {
            "-" => Self::Less(number),
            "+" => Self::More(number),
            _ => Self::Equal(number),
        })
    }

    fn holds(self, value: i64) -> bool {
        match self {
            Self::Less(bound) => value < bound,
            Self::Equal(bound) => value == bound,
            Self::More(bound) => value > bound,
        }
    }
}

struct Search {
    least: u32,
    most: u32,
    depth_first: bool,
    follow: bool,
    now: i64,
    /// Arguments of `-exec … +`.
    gathered: Vec<String>,
    prune: bool,
    quit: bool,
    status: u8,
}

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let is_expression =
        |word: &String| (word.starts_with('-') && word.len() > 1) || word == "!" || word == "(";
    let follow = arguments
        .get(1)
        .is_some_and(|word| word == "-L" || word == "-follow");
    let skip = 1 + usize::from(
        arguments
            .get(1)
            .is_some_and(|word| matches!(word.as_str(), "-L" | "-H" | "-P")),
    );
    let words = arguments.get(skip..).unwrap_or_default();
    let count = words.iter().position(is_expression).unwrap_or(words.len());
    let (paths, expression) = words.split_at(count);
    let here = [".".to_owned()];
    let paths = if paths.is_empty() { &here } else { paths };
    let mut search = Search {
        least: 0,
        most: DEPTH_MAX,
        depth_first: false,
        follow,
        now: Date::now().seconds,
        gathered: Vec::new(),
        prune: false,
        quit: false,
        status: 0,
    };
    let mut reader = Reader {
        rest: expression,
        search: &mut search,
        acts: false,
        depth: 0,
    };
    let mut test = if expression.is_empty() {
        Test::Constant(true)
    } else {
        reader.or()?
    };
    if let Some(extra) = reader.rest.first() {
        return Err(format!("unrecognized: {extra}"));
    }
    if !reader.acts {
        test = Test::And(Box::new(test), Box::new(Test::Print('\n')));
    }
    for path in paths {
        search.visit(tool, path, &test, 0);
    }
    search.run_gathered(tool, &test);
    Ok(search.status)
}

/// Reads an expression.
struct Reader<'a> {
    rest: &'a [String],
    search: &'a mut Search,
    /// An action was named, so that there is no `-print` at the end.
    acts: bool,
    depth: u32,
}

impl Reader<'_> {
    fn take(&mut self, words: &[&str]) -> bool {
        let found = self
            .rest
            .first()
            .is_some_and(|first| words.contains(&first.as_str()));
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn or(&mut self) -> Result<Test, String> {
        let mut left = self.and()?;
        while self.take(&["-o", "-or"]) {
            left = Test::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Test, String> {
        let mut left = self.primary()?;
        loop {
            self.take(&["-a", "-and"]);
            match self.rest.first().map(String::as_str) {
                None | Some("-o" | "-or" | ")") => return Ok(left),
                Some(_) => left = Test::And(Box::new(left), Box::new(self.primary()?)),
            }
        }
    }

    fn value(&mut self, name: &str) -> Result<String, String> {
        let (first, rest) = self
            .rest
            .split_first()
            .ok_or_else(|| format!("{name} requires an argument"))?;
        self.rest = rest;
        Ok(first.clone())
    }

    fn primary(&mut self) -> Result<Test, String> {
        self.depth += 1;
        if self.depth > 1000 {
            return Err("expression is too long".to_owned());
        }
        let name = self.value("expression")?;
        Ok(match name.as_str() {
            "!" | "-not" => Test::Not(Box::new(self.primary()?)),
            "(" => {
                let inner = self.or()?;
                if !self.take(&[")"]) {
                    return Err("unmatched '('".to_owned());
                }
                inner
            }
            "-true" => Test::Constant(true),
            "-false" => Test::Constant(false),
            "-name" | "-iname" | "-path" | "-ipath" | "-wholename" => self.pattern(&name)?,
            "-type" => Test::Kind(self.value(&name)?),
            "-size" | "-mtime" | "-mmin" => self.compared(&name)?,
            "-newer" => {
                let path = self.value(&name)?;
                let stat = Stat::read(&path, true)
                    .map_err(|error| format!("{path}: {}", reason(&error)))?;
                Test::Newer(stat.modified_s, stat.modified_ns)
            }
            "-empty" => Test::Empty,
            "-prune" => Test::Prune,
            "-maxdepth" | "-mindepth" => {
                let text = self.value(&name)?;
                let depth: u32 = text
                    .parse()
                    .map_err(|_| format!("invalid number '{text}'"))?;
                if name == "-maxdepth" {
                    self.search.most = depth.min(DEPTH_MAX);
                } else {
                    self.search.least = depth;
                }
                Test::Constant(true)
            }
            "-depth" | "-mount" | "-xdev" | "-follow" => {
                self.search.depth_first |= name == "-depth";
                self.search.follow |= name == "-follow";
                Test::Constant(true)
            }
            _ => self.action(&name)?,
        })
    }

    fn pattern(&mut self, name: &str) -> Result<Test, String> {
        let text = self.value(name)?;
        let ignore_case = name.starts_with("-i");
        let pattern = Pattern::plain(&if ignore_case {
            text.to_lowercase()
        } else {
            text
        });
        Ok(if name.ends_with("name") && !name.contains("whole") {
            Test::Name(pattern, ignore_case)
        } else {
            Test::Path(pattern, ignore_case)
        })
    }

    fn compared(&mut self, name: &str) -> Result<Test, String> {
        let text = self.value(name)?;
        let (digits, unit) = match (name, text.chars().last()) {
            ("-size", Some(unit @ ('c' | 'w' | 'b' | 'k' | 'M' | 'G'))) => {
                (&text[..text.len() - 1], unit)
            }
            _ => (text.as_str(), 'b'),
        };
        let compare = Compare::read(digits).ok_or_else(|| format!("invalid number '{text}'"))?;
        let bytes = match unit {
            'c' => 1,
            'w' => 2,
            'k' => 1 << 10,
            'M' => 1 << 20,
            'G' => 1 << 30,
            _ => 512,
        };
        Ok(match name {
            "-size" => Test::Size(bytes, compare),
            "-mtime" => Test::Age(86_400, compare),
            _ => Test::Age(60, compare),
        })
    }

    fn action(&mut self, name: &str) -> Result<Test, String> {
        let action = match name {
            "-print" => Test::Print('\n'),
            "-print0" => Test::Print('\0'),
            "-delete" => {
                self.search.depth_first = true;
                Test::Delete
            }
            "-quit" => Test::Quit,
            "-exec" | "-ok" => {
                let end = self.rest.iter().position(|word| word == ";" || word == "+");
                let end = end
                    .filter(|end| *end > 0)
                    .ok_or("-exec requires an argument and an end")?;
                let together = self.rest[end] == "+";
                let command = self.rest[..end].to_vec();
                self.rest = &self.rest[end + 1..];
                Test::Run { command, together }
            }
            name => return Err(format!("unrecognized: {name}")),
        };
        self.acts = true;
        Ok(action)
    }
}

impl Search {
    fn visit(&mut self, tool: &mut Tool, path: &str, test: &Test, depth: u32) {
        let stat = match Stat::read(path, self.follow).or_else(|_| Stat::read(path, false)) {
            Ok(stat) => stat,
            Err(error) => {
                tool.complain(format_args!("{path}: {}", reason(&error)));
                self.status = 1;
                return;
            }
        };
        self.prune = false;
        if !self.depth_first && depth >= self.least {
            self.holds(tool, test, path, &stat);
        }
        if stat.is_directory() && depth < self.most && !self.prune && !self.quit {
            match super::trees::names(path) {
                Ok(names) => {
                    for name in names {
                        if self.quit {
                            break;
                        }
                        self.visit(
                            tool,
                            &format!("{}/{name}", path.trim_end_matches('/')),
                            test,
                            depth + 1,
                        );
                    }
                }
                Err(error) => {
                    tool.complain(format_args!("{path}: {}", reason(&error)));
                    self.status = 1;
                }
            }
        }
        if self.depth_first && depth >= self.least && !self.quit {
            self.holds(tool, test, path, &stat);
        }
    }

    /// Whether a file has a property; none if `test` asks for something else.
    fn has(&self, test: &Test, path: &str, stat: &Stat) -> Option<bool> {
        let lower = |text: &str, ignore_case: bool| {
            if ignore_case {
                text.to_lowercase()
            } else {
                text.to_owned()
            }
        };
        Some(match test {
            Test::Name(pattern, ignore_case) => {
                let name = path
                    .trim_end_matches('/')
                    .rsplit('/')
                    .next()
                    .unwrap_or(path);
                pattern.matches(&lower(
                    if name.is_empty() { "/" } else { name },
                    *ignore_case,
                ))
            }
            Test::Path(pattern, ignore_case) => pattern.matches(&lower(path, *ignore_case)),
            Test::Kind(kinds) => {
                let mode = stat.mode_text();
                kinds
                    .split(',')
                    .any(|kind| mode.starts_with(if kind == "f" { "-" } else { kind }))
            }
            Test::Size(unit, compare) => compare.holds(stat.size.div_ceil(*unit) as i64),
            Test::Age(unit, compare) => {
                compare.holds((self.now - stat.modified_s).div_euclid(*unit))
            }
            Test::Newer(seconds, nanoseconds) => {
                (stat.modified_s, stat.modified_ns) > (*seconds, *nanoseconds)
            }
            Test::Empty if stat.is_directory() => {
                super::trees::names(path).is_ok_and(|names| names.is_empty())
            }
            Test::Empty => stat.is_regular() && stat.size == 0,
            _ => return None,
        })
    }

    fn holds(&mut self, tool: &mut Tool, test: &Test, path: &str, stat: &Stat) -> bool {
        if let Some(has) = self.has(test, path, stat) {
            return has;
        }
        match test {
            Test::Prune => {
                self.prune = true;
                true
            }
            Test::Print(end) => {
                tool.print(format_args!("{path}{end}"));
                true
            }
            Test::Delete => {
                let removed = match stat.is_directory() {
                    _ if path == "." => Ok(()),
                    true => std::fs::remove_dir(path),
                    false => std::fs::remove_file(path),
                };
                if let Err(error) = &removed {
                    tool.complain(format_args!("{path}: {}", reason(error)));
                    self.status = 1;
                }
                removed.is_ok()
            }
            Test::Quit => {
                self.quit = true;
                true
            }
            Test::Constant(value) => *value,
            Test::Run { together: true, .. } => {
                self.gathered.push(path.to_owned());
                true
            }
            Test::Run { command, .. } => {
                let command: Vec<String> = command
                    .iter()
                    .map(|word| word.replace("{}", path))
                    .collect();
                self.run(tool, &command)
            }
            Test::Not(inner) => !self.holds(tool, inner, path, stat),
            Test::And(left, right) => {
                self.holds(tool, left, path, stat) && self.holds(tool, right, path, stat)
            }
            Test::Or(left, right) => {
                self.holds(tool, left, path, stat) || self.holds(tool, right, path, stat)
            }
            _ => false,
        }
    }

    fn run(&mut self, tool: &mut Tool, command: &[String]) -> bool {
        tool.flush();
        match launch::spawn(command).map(launch::wait) {
            Ok(exit) => exit == Exit::Exited(0),
            Err(error) => {
                tool.complain(format_args!("{}: {error}", command[0]));
                self.status = 1;
                false
            }
        }
    }

    fn run_gathered(&mut self, tool: &mut Tool, test: &Test) {
        match test {
            Test::Run {
                command,
                together: true,
            } if !self.gathered.is_empty() => {
                for batch in std::mem::take(&mut self.gathered).chunks(1000) {
                    let words = command.iter().flat_map(|word| {
                        if word == "{}" {
                            batch.to_vec()
                        } else {
                            vec![word.clone()]
                        }
                    });
                    if !self.run(tool, &words.collect::<Vec<_>>()) {
                        self.status = 1;
                    }
                }
            }
            Test::And(left, right) | Test::Or(left, right) => {
                self.run_gathered(tool, left);
                self.run_gathered(tool, right);
            }
            Test::Not(inner) => self.run_gathered(tool, inner),
            _ => {}
        }
    }
}
