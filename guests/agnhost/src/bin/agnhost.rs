//! The program of the image `agnhost`.

fn main() {
    #[cfg(target_os = "wasi")]
    agnhost::command::main();
    #[cfg(not(target_os = "wasi"))]
    eprintln!("agnhost: it runs on wasm32-wasip2 only");
}
