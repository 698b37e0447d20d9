//! The same guests on stock wasmtime-wasi, over the loopback of the operating system.

use std::net::TcpListener;
use std::time::Duration;
use tokio::runtime::Runtime;
use wasmtime::component::{Component, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::p2::bindings::Command;
use wasmtime_wasi::p2::pipe::MemoryOutputPipe;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

pub struct Stock {
    runtime: Runtime,
    engine: Engine,
    linker: Linker<State>,
}

struct State {
    table: ResourceTable,
    wasi: WasiCtx,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl Stock {
    pub fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let engine = Engine::new(Config::new().wasm_component_model(true)).expect("an engine");
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("a linker");
        Self {
            runtime,
            engine,
            linker,
        }
    }

    pub fn pingpong(&self, rounds: u64) -> Duration {
        let address = free_address();
        self.pair(
            "pingpong-server",
            &[&address],
            "pingpong-client",
            &[&address, &rounds.to_string()],
        )
    }

    pub fn bulk(&self, mebibytes: u64) -> Duration {
        let address = free_address();
        self.pair(
            "bulk-server",
            &[&address],
            "bulk-client",
            &[&address, &mebibytes.to_string()],
        )
    }

    /// Runs both programs side by side; the time is what the client reports.
    fn pair(
        &self,
        server: &str,
        server_args: &[&str],
        client: &str,
        client_args: &[&str],
    ) -> Duration {
        let server = self.start(server, server_args);
        let client = self.start(client, client_args);
        self.runtime.block_on(async {
            let text = client.await.expect("the client");
            server.await.expect("the server");
            let nanos = text
                .trim()
                .rsplit_once("total_ns=")
                .and_then(|(_, count)| count.parse().ok());
            Duration::from_nanos(nanos.expect("the guest prints its time"))
        })
    }

    fn start(&self, program: &str, args: &[&str]) -> tokio::task::JoinHandle<String> {
        let file = crate::images().join(format!("tests/{program}.wasm"));
        let component = Component::from_file(&self.engine, file).expect("a component");
        let stdout = MemoryOutputPipe::new(1 << 20);
        let mut wasi = WasiCtx::builder();
        wasi.inherit_network()
            .allow_tcp(true)
            .inherit_stderr()
            .stdout(stdout.clone())
            .arg(program)
            .args(args);
        let state = State {
            table: ResourceTable::new(),
            wasi: wasi.build(),
        };
        let (engine, linker) = (self.engine.clone(), self.linker.clone());
        self.runtime.spawn(async move {
            let mut store = Store::new(&engine, state);
            let command = Command::instantiate_async(&mut store, &component, &linker)
                .await
                .expect("an instance");
            command
                .wasi_cli_run()
                .call_run(&mut store)
                .await
                .expect("a run")
                .expect("success");
            String::from_utf8_lossy(&stdout.contents()).into_owned()
        })
    }
}

/// A port that nobody listens on. The client tries again until the server does.
fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").to_string()
}
