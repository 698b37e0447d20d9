//! Programs of a few instructions, for what no toolchain would write.

/// A core module of preview 1 whose `_start` ends with what its body leaves on the stack as exit code.
pub struct Module {
    pub memory: &'static [u8],
    pub start: Vec<u8>,
    /// A function of its own, number 3, without parameters and results.
    pub other: Vec<u8>,
}

/// One page.
pub const PAGE: &[u8] = &[0, 1];
/// One page, shared between threads.
pub const SHARED_PAGE: &[u8] = &[3, 1, 1];

pub const I32: u8 = 0x7f;
pub const I64: u8 = 0x7e;

impl Module {
    pub fn new(start: Vec<u8>) -> Self {
        Self {
            memory: PAGE,
            start,
            other: Vec::new(),
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        let types = [
            kind(&[I32], &[]),
            kind(&[], &[]),
            kind(&[I32, I64, I32], &[I32]),
        ];
        let imports = [import("proc_exit", 0), import("clock_time_get", 2)];
        let exports = [export("memory", 2, 0), export("_start", 0, 2)];
        let start = function(&[&self.start[..], &CALL_EXIT].concat());
        let bodies = [start, function(&self.other)];
        [
            b"\0asm\x01\0\0\0".to_vec(),
            section(1, &types),
            section(2, &imports),
            section(3, &[vec![1], vec![1]]),
            section(5, &[self.memory.to_vec()]),
            section(7, &exports),
            section(10, &bodies),
        ]
        .concat()
    }
}

const CALL_EXIT: [u8; 2] = [0x10, 0];

/// A component that imports the function `cast` of an interface and does nothing.
pub fn component(interface: &str) -> Vec<u8> {
    let name = with_length(interface.as_bytes());
    let import = [&[1, 0][..], &name, &[5, 0]].concat();
    [
        &b"\0asm\x0d\0\x01\0\x07\x11\x01\x42\x02\x01\x40\0\x01\0\x04\0\x04cast\x01\0\x0a"[..],
        &with_length(&import),
    ]
    .concat()
}

/// `i32.const`
pub fn i32_const(value: i32) -> Vec<u8> {
    let mut bytes = vec![0x41];
    let mut rest = value;
    loop {
        let low = (rest & 0x7f) as u8;
        rest >>= 7;
        if (rest == 0 && low & 0x40 == 0) || (rest == -1 && low & 0x40 != 0) {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

fn kind(parameters: &[u8], results: &[u8]) -> Vec<u8> {
    [&[0x60][..], &with_length(parameters), &with_length(results)].concat()
}

fn import(name: &str, kind: u8) -> Vec<u8> {
    let module = with_length(b"wasi_snapshot_preview1");
    [&module[..], &with_length(name.as_bytes()), &[0, kind]].concat()
}

fn export(name: &str, kind: u8, index: u8) -> Vec<u8> {
    [&with_length(name.as_bytes())[..], &[kind, index]].concat()
}

/// Without locals.
fn function(body: &[u8]) -> Vec<u8> {
    with_length(&[&[0][..], body, &[0x0b]].concat())
}

fn section(id: u8, items: &[Vec<u8>]) -> Vec<u8> {
    let content = [unsigned(items.len()), items.concat()].concat();
    [vec![id], with_length(&content)].concat()
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [unsigned(bytes.len()), bytes.to_vec()].concat()
}

fn unsigned(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 0x7f {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}
