//! The C library of the guest SDK says in a custom section which WIT its imports belong to; this makes that section.

use expect_test::expect_file;
use std::fmt::Write;
use wit_component::StringEncoding;
use wit_parser::Resolve;

/// `UPDATE_EXPECT=1 cargo test -p seedpod-engine --test component_type` writes it anew after a change of the WIT file.
#[test]
fn the_c_library_carries_the_wit_package() {
    let mut resolve = Resolve::default();
    let wit = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guests/sdk/wit/ipc.wit");
    let (package, _) = resolve.push_path(wit).unwrap();
    let world = resolve.select_world(&[package], Some("ipc")).unwrap();
    let section =
        wit_component::metadata::encode(&resolve, world, StringEncoding::UTF8, None).unwrap();

    let mut header = String::from(
        "/* Made from wit/ipc.wit by runtime/engine/tests/component_type.rs: what a linker of components reads. */\n\
         __asm__(\".section \\\".custom_section.component-type:seedpod-ipc\\\",\\\"\\\",@\\n\"\n",
    );
    for line in section.chunks(24) {
        let bytes: Vec<String> = line.iter().map(u8::to_string).collect();
        writeln!(header, "    \".byte {}\\n\"", bytes.join(",")).unwrap();
    }
    header.push_str("    \".text\\n\");\n");
    expect_file!["../../../guests/sdk/c/component_type.h"].assert_eq(&header);
}
