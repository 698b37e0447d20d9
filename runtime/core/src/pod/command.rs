//! What a container runs and where (containerd `WithProcessArgs`).

use super::environment::Environment;
use super::expansion::expand;
use crate::image::ImageConfig;
use crate::spec::{Container, EnvValue};

/// Why there is nothing to run; the pod shows it as `CreateContainerError`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Neither the manifest nor the image names a program.
    #[error("no command specified")]
    NotSpecified,
}

/// The arguments of the first process, its program first.
///
/// `command` replaces the image's entrypoint and drops its arguments; `args` replaces only those.
///
/// # Errors
/// When neither manifest nor image says what to run.
pub fn command(
    container: &Container,
    image: &ImageConfig,
    environment: &Environment,
) -> Result<Vec<String>, CommandError> {
    let expanded = |texts: &[String]| -> Vec<String> {
        texts.iter().map(|text| environment.expand(text)).collect()
    };
    let (mut command, mut args) = (expanded(&container.command), expanded(&container.args));
    if command.is_empty() {
        if args.is_empty() {
            args.clone_from(&image.cmd);
        }
        if image.entrypoint != [""] {
            command.clone_from(&image.entrypoint);
        }
    }
    command.append(&mut args);
    if command.is_empty() {
        return Err(CommandError::NotSpecified);
    }
    Ok(command)
}

/// The arguments of an exec probe. Only `value`s of the container's own `env` count, as written; a variable from elsewhere
/// is empty (kubelet `ExpandContainerCommandOnlyStatic`).
pub fn probe_command(container: &Container, command: &[String]) -> Vec<String> {
    let resolve = |name: &str| {
        let mut variables = container.env.iter().rev();
        let variable = variables.find(|variable| variable.name == name)?;
        match &variable.value {
            EnvValue::Text(text) => Some(text.clone()),
            _ => Some(String::new()),
        }
    };
    command.iter().map(|text| expand(text, resolve)).collect()
}

/// Where it starts: the manifest's directory, else the image's, else `/`. Variables are not expanded.
pub fn working_dir<'a>(container: &'a Container, image: &'a ImageConfig) -> &'a str {
    let own = container
        .working_dir
        .as_deref()
        .filter(|path| !path.is_empty());
    match own.unwrap_or(&image.working_dir) {
        "" => "/",
        path => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pod::Identity;
    use crate::pod::downward::Facts;
    use crate::pod::environment::Sources;
    use crate::spec::{self, EnvVar};

    #[test]
    fn matrix() {
        let check =
            |command: &[&str], args: &[&str], entrypoint: &[&str], cmd: &[&str], runs: &str| {
                let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
                let container = Container {
                    command: owned(command),
                    args: owned(args),
                    env: vec![EnvVar {
                        name: "A".to_owned(),
                        value: EnvValue::Text("x".to_owned()),
                    }],
                    ..Container::default()
                };
                let image = ImageConfig {
                    entrypoint: owned(entrypoint),
                    cmd: owned(cmd),
                    ..ImageConfig::default()
                };
                let found = super::command(&container, &image, &environment(&container));
                let found = found.map_or_else(|error| error.to_string(), |argv| argv.join(" "));
                assert_eq!(found, runs);
            };
        check(&[], &[], &["/entry"], &["cmd"], "/entry cmd");
        check(&[], &["args"], &["/entry"], &["cmd"], "/entry args");
        check(&["/command"], &[], &["/entry"], &["cmd"], "/command");
        check(
            &["/command"],
            &["args"],
            &["/entry"],
            &["cmd"],
            "/command args",
        );
        check(&[], &[], &[], &["cmd"], "cmd");
        check(&[], &["args"], &[], &["cmd"], "args");
        check(&[], &[], &[""], &["cmd"], "cmd");
        check(&[], &[], &[], &[], "no command specified");
        check(
            &["echo", "$(A)", "$$(A)"],
            &["$(B)", "$(A)y"],
            &[],
            &[],
            "echo x $(A) $(B) xy",
        );
        check(&[], &[], &["$(A)"], &["$(A)"], "$(A) $(A)");
    }

    #[test]
    fn probes_see_literal_values_only() {
        let variable = |name: &str, value: EnvValue| EnvVar {
            name: name.to_owned(),
            value,
        };
        let text = |text: &str| EnvValue::Text(text.to_owned());
        let container = Container {
            env: vec![
                variable("A", text("first")),
                variable("A", text("$(B)")),
                variable("IP", EnvValue::Field(spec::FieldRef::PodIp)),
            ],
            ..Container::default()
        };
        let command = ["$(A)", "[$(IP)]", "$(PATH)", "$$(A)"].map(str::to_owned);
        assert_eq!(
            probe_command(&container, &command),
            ["$(B)", "[]", "$(PATH)", "$(A)"]
        );
    }

    #[test]
    fn working_dirs() {
        let check = |own: Option<&str>, image: &str, expected: &str| {
            let container = Container {
                working_dir: own.map(str::to_owned),
                ..Container::default()
            };
            let image = ImageConfig {
                working_dir: image.to_owned(),
                ..ImageConfig::default()
            };
            assert_eq!(working_dir(&container, &image), expected);
        };
        check(None, "", "/");
        check(None, "/srv", "/srv");
        check(Some("/own"), "/srv", "/own");
        check(Some(""), "/srv", "/srv");
        check(Some("$(A)"), "", "$(A)");
    }

    fn environment(container: &Container) -> Environment {
        let pod = spec::Pod::default();
        let identity = Identity {
            uid: String::new(),
            node_name: String::new(),
            host_ip: [0; 4].into(),
        };
        let facts = Facts {
            pod: &pod,
            identity: &identity,
            pod_ip: None,
            allocatable: spec::ResourceList::default(),
        };
        let sources = Sources {
            facts,
            config_maps: &[],
            secrets: &[],
            services: &[],
            env_files: &Default::default(),
        };
        Environment::resolve(container, &sources).unwrap()
    }
}
