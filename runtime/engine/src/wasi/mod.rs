//! What guests import. Each file only translates guest calls into calls of the kernel.

pub mod sockets;
