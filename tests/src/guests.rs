//! Pods of the small programs in `guests/images/tests`, in virtual time.

use bytes::Bytes;
use seedpod_api::Source;
use seedpod_core::image::{Image, ImageConfig};
use seedpod_core::seed::Seed;
use seedpod_core::spec::Objects;
use seedpod_core::volume::Tree;
use seedpod_engine::world::{ImageError, ResolvedImage};
use seedpod_engine::{Engine, EngineSettings};
use seedpod_sim::{Settings, Simulation};
use std::path::Path;
use std::sync::{Arc, LazyLock};

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    // Beside the test program, in the target directory, so that only the first run compiles.
    let program = std::env::current_exe().expect("a test program");
    let cache = program.with_file_name("compiled-guests");
    Engine::new(EngineSettings::deterministic(Some(cache))).expect("an engine")
});

/// A simulation of the pods and Services of a manifest, whose `image:` names programs of `guests/images/tests`.
///
/// # Panics
/// When the manifest is wrong.
pub fn simulate(manifest: &str) -> Simulation {
    let mut simulation = Simulation::new(Settings {
        seed: Seed::new(7),
        engine: ENGINE.clone(),
        images: Arc::new(|reference: &str, _| image(reference)),
    });
    simulation
        .start(&load(manifest))
        .expect("room on the pod network");
    simulation
}

fn load(manifest: &str) -> Objects {
    let source = Source {
        name: "test.yaml".to_owned(),
        bytes: manifest.as_bytes().to_vec(),
    };
    match seedpod_api::load(&[source]) {
        Ok(loaded) => loaded.objects,
        Err(errors) => panic!("{errors:?}"),
    }
}

fn image(reference: &str) -> Result<ResolvedImage, ImageError> {
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guests/images/tests");
    let failed = |reason: String| ImageError::Pull {
        reference: reference.to_owned(),
        reason,
    };
    let program = std::fs::read(images.join(reference).with_extension("wasm"));
    let program = program.map_err(|error| failed(error.to_string()))?;
    let size = program.len() as u64;
    let mut tree = Tree::builder();
    let inserted = tree.insert_file("/program", Bytes::from(program), 0o755);
    inserted.map_err(|errno| failed(format!("{errno:?}")))?;
    let image = Image {
        reference: reference.to_owned(),
        digest: format!("sha256:{reference}"),
        size,
        config: ImageConfig {
            entrypoint: vec!["/program".to_owned()],
            ..ImageConfig::default()
        },
        tree: Arc::new(tree.build()),
    };
    Ok(ResolvedImage {
        image: Arc::new(image),
        already_present: true,
        substitute: None,
    })
}
