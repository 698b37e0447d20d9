//! `cat`.

use crate::tool::{Options, Ran, Tool};

pub fn main(tool: &mut Tool, arguments: &[String]) -> Ran {
    let options = Options::read(arguments, "nbvteAu", &[])?;
    let (all, filled) = (options.has('n'), options.has('b'));
    let ends = options.has('e') || options.has('A');
    let tabs = options.has('t') || options.has('A');
    let visible = options.has('v') || ends || tabs;
    let mut number = 0;
    tool.inputs(&options.operands, |tool, input| {
        if !(all || filled || visible) {
            loop {
                let chunk = input.chunk(tool)?;
                if chunk.is_empty() {
                    return Ok(());
                }
                tool.write(&chunk);
            }
        }
        while let Some(line) = input.line(tool)? {
            if all || (filled && line != b"\n") {
                number += 1;
                tool.print(format_args!("{number:6}\t"));
            }
            if visible {
                tool.write(&show(&line, ends, tabs));
            } else {
                tool.write(&line);
            }
        }
        Ok(())
    })
}

fn show(line: &[u8], ends: bool, tabs: bool) -> Vec<u8> {
    let mut shown = Vec::new();
    for &byte in line {
        let low = byte & 0x7f;
        if byte >= 128 {
            shown.extend(b"M-");
        }
        match low {
            b'\n' if byte == low => shown.extend(if ends { &b"$\n"[..] } else { b"\n" }),
            b'\t' if byte == low && !tabs => shown.push(b'\t'),
            0..32 => shown.extend([b'^', low + 64]),
            127 => shown.extend(b"^?"),
            _ => shown.push(low),
        }
    }
    shown
}
