//! Holds the namespaces of a pod: waits for a signal and, as process 1, buries the children nobody waits for.

#![cfg_attr(target_os = "wasi", no_main)]

#[cfg(not(target_os = "wasi"))]
fn main() {}

#[cfg(target_os = "wasi")]
mod program {
    use seedpod_guest::process::processes::{Which, id, try_wait};
    use seedpod_guest::process::signals::{Disposition, handle, subscribe, take};
    use wasip2::cli::stderr::get_stderr;

    const SIGINT: u8 = 2;
    const SIGTERM: u8 = 15;
    const SIGCHLD: u8 = 17;

    /// The entry point that libc calls; Rust's own would bring more code than the program has.
    #[unsafe(no_mangle)]
    extern "C" fn __main_void() -> i32 {
        if id() != 1 {
            say(b"Warning: pause should be the first process\n");
        }
        for (signal, code) in [(SIGINT, 1), (SIGTERM, 2), (SIGCHLD, 3)] {
            if handle(signal, Disposition::Catch).is_err() {
                return code;
            }
        }
        let signalled = subscribe();
        loop {
            signalled.block();
            while let Some(signal) = take() {
                match signal {
                    SIGTERM => {
                        say(b"Shutting down, got signal: Terminated\n");
                        return 0;
                    }
                    SIGINT => {
                        say(b"Shutting down, got signal: Interrupt\n");
                        return 0;
                    }
                    _ => while matches!(try_wait(Which::Any), Ok(Some(_))) {},
                }
            }
        }
    }

    fn say(line: &[u8]) {
        // Nobody is left to tell when standard error fails.
        let _ = get_stderr().blocking_write_and_flush(line);
    }
}
