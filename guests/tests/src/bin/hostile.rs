//! Usage: hostile WHAT. Asks for more and more of something until it is refused.

use seedpod_guest::process::{descriptors, processes};
use std::env::args;
use wasi::cli::stdout::get_stdout;
use wasi::random::random::get_random_bytes;

mod bindings {
    wit_bindgen::generate!({
        path: ["../sdk/wit/deps/io.wit"],
        world: "seedpod:hostile/hostile",
        inline: "
            package seedpod:hostile;
            world hostile {
                import wasi:cli/stdout@0.2.12;
                import wasi:random/random@0.2.12;
            }
            package wasi:cli@0.2.12 {
                interface stdout {
                    use wasi:io/streams@0.2.12.{output-stream};
                    get-stdout: func() -> output-stream;
                }
            }
            package wasi:random@0.2.12 {
                interface random {
                    get-random-bytes: func(len: u64) -> list<u8>;
                    get-random-u64: func() -> u64;
                }
            }
        ",
        generate_all,
    });
}

use bindings::wasi;

fn main() {
    let what = args().nth(1).unwrap_or_default();
    match what.as_str() {
        "pipes" => {
            let mut pipes = Vec::new();
            let error = loop {
                match descriptors::pipe() {
                    Ok(pipe) => pipes.push(pipe),
                    Err(error) => break error,
                }
            };
            println!("{} pipes, then {error:?}", pipes.len());
        }
        "arguments" => {
            let refused = (0..20).find(|power| !spawns_with(1 << power));
            println!("refused: 2^{refused:?} empty arguments");
        }
        "kill" => {
            let killed = processes::kill(processes::id(), 9);
            println!("{killed:?}, alive");
        }
        "streams" => forever(get_stdout),
        "pollables" => {
            let (reader, _) = descriptors::pipe().expect("a pipe");
            forever(|| reader.subscribe_read());
        }
        "random" => {
            let bytes = get_random_bytes(1 << 40);
            println!("{} bytes", bytes.len());
        }
        "permit" => {
            let stdout = get_stdout();
            println!("{:?}", stdout.write(&[b'x'; 100]));
        }
        "zeroes" => {
            let stdout = get_stdout();
            println!("{:?}", stdout.write_zeroes(1 << 40));
        }
        _ => println!("unknown: {what}"),
    }
}

fn spawns_with(count: usize) -> bool {
    let program = processes::Program {
        path: "/program".to_owned(),
        arguments: vec![String::new(); count],
        environment: Vec::new(),
        directory: "/".to_owned(),
    };
    match processes::spawn(&program, &[]) {
        Ok(pid) => processes::kill(pid, 9).is_ok(),
        Err(_) => false,
    }
}

fn forever<T>(make: impl Fn() -> T) {
    let mut kept = Vec::new();
    loop {
        kept.push(make());
    }
}
