//! `tee`, `seq`, `yes`, `rev`, `tac`, `nl`.

use super::printf;
use crate::sys::How;
use crate::tool::{Options, Ran, Tool};

pub fn tee(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "ai", &[("append", 'a')])?;
    let how = if options.has('a') {
        How::APPEND
    } else {
        How::CREATE
    };
    let mut status = 0;
    let mut files = Vec::new();
    for path in &options.operands {
        match tool.create(path, how) {
            Ok(desc) => files.push(desc),
            Err(error) => {
                tool.complain(error.replacen("can't open '", "", 1).replacen("':", ":", 1));
                status = 1;
            }
        }
    }
    let Some(mut input) = tool.open("-") else {
        return Ok(1);
    };
    loop {
        let chunk = input.chunk(tool)?;
        if chunk.is_empty() {
            return Ok(status);
        }
        tool.write(&chunk);
        for file in &files {
            if let Err(error) = file.write(&chunk) {
                tool.complain(error);
                status = 1;
            }
        }
    }
}

pub fn seq(tool: &mut Tool, arguments: &[String]) -> Ran {
    // A negative number is an operand here, not an option.
    let is_number = |argument: &String| argument.parse::<f64>().is_ok();
    let takes_value = |argument: &String| matches!(argument.as_str(), "-s" | "-f");
    let first = (1..arguments.len())
        .find(|&at| is_number(&arguments[at]) && !takes_value(&arguments[at - 1]));
    let (before, operands) = arguments.split_at(first.unwrap_or(arguments.len()));
    let mut options = Options::read(before, "ws:f:", &[])?;
    options.operands.extend_from_slice(operands);
    let number = |text: &String| {
        text.parse::<f64>()
            .map_err(|_| format!("invalid number '{text}'"))
    };
    let values = options
        .operands
        .iter()
        .map(number)
        .collect::<Result<Vec<f64>, _>>()?;
    let (first, step, last) = match values.as_slice() {
        [last] => (1.0, 1.0, *last),
        [first, last] => (*first, 1.0, *last),
        [first, step, last] => (*first, *step, *last),
        _ => return Err("expected one to three numbers".to_owned()),
    };
    if step == 0.0 {
        return Err("invalid number '0'".to_owned());
    }
    let fraction = |text: &String| text.split_once('.').map_or(0, |(_, digits)| digits.len());
    let precision = options
        .operands
        .iter()
        .take(2.max(options.operands.len() - 1))
        .map(fraction)
        .max()
        .unwrap_or(0);
    let separator = options.value('s').unwrap_or("\n").to_owned();
    let width = if options.has('w') {
        [first, last]
            .iter()
            .map(|value| format!("{value:.precision$}").len())
            .max()
            .unwrap_or(0)
    } else {
        0
    };
    let count = ((last - first) / step + 1e-9).floor();
    let mut index = 0.0;
    while index <= count {
        let value = first + index * step;
        let text = match options.value('f') {
            Some(format) => String::from_utf8_lossy(
                &printf::format(&[format.to_owned(), value.to_string()]).output,
            )
            .into_owned(),
            None => format!("{value:0width$.precision$}"),
        };
        tool.print(format_args!(
            "{}{text}",
            if index > 0.0 { separator.as_str() } else { "" }
        ));
        index += 1.0;
    }
    if count >= 0.0 {
        tool.write(b"\n");
    }
    Ok(0)
}

pub fn yes(tool: &mut Tool, arguments: &[String]) -> Ran {
    let text = if arguments.len() > 1 {
        arguments[1..].join(" ")
    } else {
        "y".to_owned()
    };
    loop {
        tool.line(&text);
    }
}

pub fn rev(tool: &mut Tool, arguments: &[String]) -> Ran {
    tool.inputs(&arguments[1..], |tool, input| {
        while let Some(line) = input.line(tool)? {
            let text = crate::regex::decode(&line);
            let (body, end) = text
                .strip_suffix('\n')
                .map_or((text.as_str(), ""), |body| (body, "\n"));
            tool.write(&crate::regex::encode(
                &body.chars().rev().collect::<String>(),
            ));
            tool.print(end);
        }
        Ok(())
    })
}

pub fn tac(tool: &mut Tool, arguments: &[String]) -> Ran {
    tool.inputs(&arguments[1..], |tool, input| {
        let all = input.all(tool)?;
        let lines: Vec<&[u8]> = all.split_inclusive(|byte| *byte == b'\n').collect();
        lines.iter().rev().for_each(|line| tool.write(line));
        Ok(())
    })
}

pub fn nl(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "b:w:s:v:i:", &[])?;
    let width: usize = options.number('w')?.unwrap_or(6).min(1000);
    let mut number: i64 = options.number('v')?.unwrap_or(1);
    let step: i64 = options.number('i')?.unwrap_or(1);
    let separator = options.value('s').unwrap_or("\t").to_owned();
    tool.inputs(&options.operands, |tool, input| {
        while let Some(line) = input.line(tool)? {
            if line == b"\n" && options.value('b') != Some("a") {
                tool.print(format_args!(
                    "{:width$}\n",
                    "",
                    width = width + separator.len()
                ));
                continue;
            }
            tool.print(format_args!("{number:width$}{separator}"));
            tool.write(&line);
            number = number.wrapping_add(step);
        }
        Ok(())
    })
}
