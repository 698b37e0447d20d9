//! `dd`.

use crate::sys::{Desc, How};
use crate::tool::{Input, Ran, Tool, size};

/// The largest block, and the largest file that is changed in place.
const BYTES_MAX: u64 = 256 << 20;

const NAMES: [&str; 10] = [
    "if", "of", "bs", "ibs", "obs", "count", "skip", "seek", "conv", "status",
];

struct Copy {
    block: usize,
    count: u64,
    skip: u64,
    output: Option<Desc>,
    full: u64,
    partial: u64,
    total: u64,
}

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let operands = &arguments[1..];
    for argument in operands {
        if !argument
            .split_once('=')
            .is_some_and(|(name, _)| NAMES.contains(&name))
        {
            return Err(format!("invalid argument '{argument}'"));
        }
    }
    let given = |name: &str| {
        operands
            .iter()
            .rev()
            .find_map(|argument| argument.strip_prefix(name)?.strip_prefix('='))
    };
    let number = |name: &str, default: u64| given(name).map_or(Ok(default), size);
    let block = number("bs", number("ibs", 512)?)?;
    if !(1..=BYTES_MAX).contains(&block) {
        return Err(format!("number {block} is not in 1..{BYTES_MAX} range"));
    }
    let seek = number("seek", 0)?
        .checked_mul(block)
        .filter(|seek| *seek <= BYTES_MAX);
    let seek = seek.ok_or("seek: File too large")? as usize;
    let Some(mut input) = tool.open(given("if").unwrap_or("-")) else {
        return Ok(1);
    };
    let keeps = given("conv").is_some_and(|conv| conv.split(',').any(|word| word == "notrunc"));
    let mut copy = Copy {
        block: block as usize,
        count: number("count", u64::MAX)?,
        skip: number("skip", 0)?,
        output: None,
        full: 0,
        partial: 0,
        total: 0,
    };
    let mut after = Vec::new();
    if let Some(path) = given("of") {
        let mut existing = match seek > 0 || keeps {
            true => std::fs::read(path).unwrap_or_default(),
            false => Vec::new(),
        };
        if keeps {
            after = existing.get(seek..).unwrap_or_default().to_vec();
        }
        existing.resize(seek, 0);
        let output = tool.create(path, How::CREATE)?;
        output.write(&existing).map_err(|error| error.to_string())?;
        copy.output = Some(output);
    }
    copy.run(tool, &mut input)?;
    if let Some(output) = &copy.output {
        let rest = after.get(copy.total as usize..).unwrap_or_default();
        output.write(rest).map_err(|error| error.to_string())?;
    }
    tool.flush();
    copy.report(tool, given("status"));
    Ok(0)
}

impl Copy {
    fn report(&self, tool: &mut Tool, status: Option<&str>) {
        let Copy {
            full,
            partial,
            total,
            ..
        } = self;
        let records = format!("{full}+{partial} records in\n{full}+{partial} records out\n");
        match status {
            Some("none") => {}
            Some("noxfer") => tool.write_error(records.as_bytes()),
            _ => tool.write_error(format!("{records}{total} bytes copied\n").as_bytes()),
        }
    }

    fn run(&mut self, tool: &mut Tool, input: &mut Input) -> Result<(), String> {
        let mut pending: Vec<u8> = Vec::new();
        for number in 0..self.count.saturating_add(self.skip) {
            while pending.len() < self.block {
                let chunk = input.chunk(tool)?;
                if chunk.is_empty() {
                    break;
                }
                pending.extend(chunk);
            }
            if pending.is_empty() {
                break;
            }
            let rest = pending.split_off(pending.len().min(self.block));
            let piece = std::mem::replace(&mut pending, rest);
            if number < self.skip {
                continue;
            }
            let is_full = piece.len() == self.block;
            self.full += u64::from(is_full);
            self.partial += u64::from(!is_full);
            self.total += piece.len() as u64;
            match &self.output {
                Some(output) => output.write(&piece).map_err(|error| error.to_string())?,
                None => tool.write(&piece),
            }
        }
        Ok(())
    }
}
