//! `wasi:cli`: arguments, environment, standard streams and exit.

use crate::description::{Input, Output};
use crate::guest::Guest;
use wasmtime::component::{HasSelf, Linker, Resource};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi::p2::bindings::cli::{
    environment, exit, stderr, stdin, stdout, terminal_input, terminal_output, terminal_stderr,
    terminal_stdin, terminal_stdout,
};
use wasmtime_wasi_io::streams::{DynInputStream, DynOutputStream};

pub(super) fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    environment::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    exit::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    stdin::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    stdout::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    stderr::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    terminal_input::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    terminal_output::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    terminal_stdin::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    terminal_stdout::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)?;
    terminal_stderr::add_to_linker::<_, HasSelf<Guest>>(linker, |guest| guest)
}

impl environment::Host for Guest {
    fn get_environment(&mut self) -> wasmtime::Result<Vec<(String, String)>> {
        Ok(self.start.environment.clone())
    }

    fn get_arguments(&mut self) -> wasmtime::Result<Vec<String>> {
        Ok(self.start.program.arguments.clone())
    }

    fn initial_cwd(&mut self) -> wasmtime::Result<Option<String>> {
        Ok(Some(self.start.directory.clone()))
    }
}

impl exit::Host for Guest {
    fn exit(&mut self, status: Result<(), ()>) -> wasmtime::Result<()> {
        Err(I32Exit(status.is_err().into()).into())
    }

    fn exit_with_code(&mut self, status_code: u8) -> wasmtime::Result<()> {
        Err(I32Exit(status_code.into()).into())
    }
}

impl stdin::Host for Guest {
    fn get_stdin(&mut self) -> wasmtime::Result<Resource<DynInputStream>> {
        let description = self.descriptor(0);
        let meaning = self.meaning_of(&description);
        let stream: DynInputStream = Box::new(Input(description));
        let stream = self.table.push(stream)?;
        self.meanings.add_stream(stream.rep(), meaning);
        Ok(stream)
    }
}

impl stdout::Host for Guest {
    fn get_stdout(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.standard_output(1)
    }
}

impl stderr::Host for Guest {
    fn get_stderr(&mut self) -> wasmtime::Result<Resource<DynOutputStream>> {
        self.standard_output(2)
    }
}

impl terminal_input::Host for Guest {}
impl terminal_output::Host for Guest {}

impl terminal_input::HostTerminalInput for Guest {
    fn drop(&mut self, terminal: Resource<terminal_input::TerminalInput>) -> wasmtime::Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}

impl terminal_output::HostTerminalOutput for Guest {
    fn drop(
        &mut self,
        terminal: Resource<terminal_output::TerminalOutput>,
    ) -> wasmtime::Result<()> {
        self.table.delete(terminal)?;
        Ok(())
    }
}

impl terminal_stdin::Host for Guest {
    fn get_terminal_stdin(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_input::TerminalInput>>> {
        if !self.descriptor(0).is_terminal() {
            return Ok(None);
        }
        Ok(Some(self.table.push(terminal_input::TerminalInput)?))
    }
}

impl terminal_stdout::Host for Guest {
    fn get_terminal_stdout(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        self.terminal_output(1)
    }
}

impl terminal_stderr::Host for Guest {
    fn get_terminal_stderr(
        &mut self,
    ) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        self.terminal_output(2)
    }
}

impl Guest {
    fn standard_output(&mut self, number: u32) -> wasmtime::Result<Resource<DynOutputStream>> {
        let description = self.descriptor(number);
        let meaning = self.meaning_of(&description);
        let stream: DynOutputStream = Box::new(Output::new(self, description)?);
        let stream = self.table.push(stream)?;
        self.meanings.add_stream(stream.rep(), meaning);
        Ok(stream)
    }

    fn terminal_output(
        &mut self,
        number: u32,
    ) -> wasmtime::Result<Option<Resource<terminal_output::TerminalOutput>>> {
        if !self.descriptor(number).is_terminal() {
            return Ok(None);
        }
        Ok(Some(self.table.push(terminal_output::TerminalOutput)?))
    }
}
