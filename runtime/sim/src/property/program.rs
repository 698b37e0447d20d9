//! Expressions in CEL over a [`View`].

use super::seen::{ContainerLook, FileLook};
use super::things::Thing;
use super::view::View;
use cel::extractors::{Arguments, This};
use cel::objects::{Key, Map};
use cel::{Context, DeclarationError, Env, ExecutionError, Value};
use seedpod_core::podtest::Expression;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An expression that cannot be evaluated, whatever the run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}, in `{text}`", prefix(.place))]
pub struct ExpressionError {
    /// `tests.yaml:12:7: spec.properties[0].never.expr`, or empty.
    pub place: String,
    /// The expression.
    pub text: String,
    /// What is wrong with it.
    pub message: String,
}

fn prefix(place: &str) -> String {
    match place {
        "" => String::new(),
        place => format!("{place}: "),
    }
}

/// An expression that can be evaluated.
#[derive(Clone)]
pub(crate) struct Program {
    program: Arc<cel::Program>,
    reads_time: bool,
    /// Parts of files that take time to make.
    wants_lines: bool,
    wants_json: bool,
}

/// What an expression came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Outcome {
    Truth(bool),
    Number(f64),
}

/// What an expression must come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Truth,
    Number,
}

/// An evaluation: what came of it, what it has looked at, and as of which version of the view.
pub(crate) struct Evaluation {
    pub(crate) outcome: Result<Outcome, String>,
    pub(crate) things: BTreeSet<Thing>,
    pub(crate) version: u64,
}

/// Evaluates expressions over one view.
pub(crate) struct Evaluator {
    /// Made when it is needed: many tests have no expressions.
    context: Option<Context<'static, 'static>>,
    env: Arc<Env>,
    view: View,
    wants: Arc<Wants>,
}

/// What the program under way makes of files.
#[derive(Default)]
struct Wants {
    lines: std::sync::atomic::AtomicBool,
    json: std::sync::atomic::AtomicBool,
}

/// What an expression can use, for messages.
const NAMES: &str = "file(path), queue(name), semaphore(name), container(name), log(container), event(call, object), \
                     lines(text), time, now and those of CEL";

impl Program {
    /// Reads an expression.
    ///
    /// # Errors
    /// When it is no CEL.
    pub(crate) fn parse(expression: &Expression) -> Result<Self, ExpressionError> {
        let program = cel::Program::compile(&expression.text).map_err(|errors| {
            let texts = errors.errors.iter().map(|error| {
                let (line, column) = error.pos;
                format!("{line}:{column}: {}", error.msg)
            });
            let texts: Vec<String> = texts.collect();
            error_in(expression, format!("no CEL: {}", texts.join("; ")))
        })?;
        let references = program.references();
        let reads_time = references.has_variable("time") || references.has_variable("now");
        let has = |word: &str| expression.text.contains(word);
        Ok(Self {
            reads_time,
            wants_lines: has("lines"),
            wants_json: has("json"),
            program: Arc::new(program),
        })
    }
}

fn error_in(expression: &Expression, message: String) -> ExpressionError {
    ExpressionError {
        place: expression.place.clone(),
        text: expression.text.clone(),
        message,
    }
}

impl Evaluator {
    pub(crate) fn new(view: View, env: Arc<Env>) -> Self {
        Self {
            context: None,
            env,
            view,
            wants: Arc::default(),
        }
    }

    fn context(&mut self) -> &mut Context<'static, 'static> {
        self.context
            .get_or_insert_with(|| context(&self.env, &self.view, &self.wants))
    }

    /// Evaluates.
    pub(crate) fn evaluate(&mut self, program: &Program, wanted: Wanted) -> Evaluation {
        use std::sync::atomic::Ordering::Relaxed;
        self.wants.lines.store(program.wants_lines, Relaxed);
        self.wants.json.store(program.wants_json, Relaxed);
        self.view.begin();
        if program.reads_time {
            let now = self.view.now().as_nanos();
            let nanos = i64::try_from(now).unwrap_or(i64::MAX);
            let context = self.context();
            context.add_variable_from_value("now", nanos);
            context.add_variable_from_value("time", nanos as f64 / 1e9);
        }
        let result = program.program.execute(self.context());
        let (things, version, problem) = self.view.end();
        let outcome = match (result, problem) {
            (_, Some(problem)) => Err(problem),
            (Ok(value), None) => outcome(&value, wanted),
            (Err(error), None) => Err(message(&error)),
        };
        Evaluation {
            outcome,
            things,
            version,
        }
    }

    /// Finds what is wrong with an expression whatever the run: names that nothing has, and a result of a wrong type.
    pub(crate) fn check(
        &mut self,
        expression: &Expression,
        program: &Program,
        wanted: Wanted,
    ) -> Result<(), ExpressionError> {
        let wrong = |message: String| Err(error_in(expression, message));
        let references = program.program.references();
        let mut functions = references.functions();
        functions.sort_unstable();
        for name in functions {
            let is_name = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
            if is_name && !self.knows_function(name) {
                return wrong(format!("there is no function {name:?}; there are {NAMES}"));
            }
        }
        let mut variables = references.variables();
        variables.sort_unstable();
        for name in variables {
            let bound = [
                format!("({name},"),
                format!("({name} ,"),
                format!(" {name},"),
            ];
            let is_bound = bound.iter().any(|text| expression.text.contains(text));
            let is_known = matches!(name, "time" | "now") || is_bound || self.knows_name(name);
            if !is_known {
                return wrong(format!("there is no variable {name:?}; there are {NAMES}"));
            }
        }
        let context = self.context();
        context.add_variable_from_value("now", 0_i64);
        context.add_variable_from_value("time", 0.0);
        self.view.begin();
        let result = program.program.execute(self.context());
        let (_, _, problem) = self.view.end();
        if let Some(problem) = problem {
            return wrong(problem);
        }
        // Other errors may come from what is not there yet.
        match result {
            Ok(value) => outcome(&value, wanted).map(drop).or_else(wrong),
            Err(error @ ExecutionError::UndeclaredReference(_)) => wrong(message(&error)),
            Err(_) => Ok(()),
        }
    }

    fn knows_function(&mut self, name: &str) -> bool {
        let calls = [format!("{name}()"), format!("\"\".{name}()")];
        calls.iter().any(|call| match cel::Program::compile(call) {
            Ok(program) => !matches!(
                program.execute(self.context()),
                Err(ExecutionError::UndeclaredReference(_))
            ),
            // A macro with other arguments.
            Err(_) => true,
        })
    }

    fn knows_name(&mut self, name: &str) -> bool {
        cel::Program::compile(name).is_ok_and(|program| program.execute(self.context()).is_ok())
    }
}

fn outcome(value: &Value, wanted: Wanted) -> Result<Outcome, String> {
    match (wanted, value) {
        (Wanted::Truth, Value::Bool(truth)) => Ok(Outcome::Truth(*truth)),
        (Wanted::Number, Value::Int(number)) => Ok(Outcome::Number(*number as f64)),
        (Wanted::Number, Value::UInt(number)) => Ok(Outcome::Number(*number as f64)),
        (Wanted::Number, Value::Float(number)) => Ok(Outcome::Number(*number)),
        (Wanted::Truth, value) => Err(format!("is {}, not true or false", value.type_of())),
        (Wanted::Number, value) => Err(format!("is {}, not a number", value.type_of())),
    }
}

fn message(error: &ExecutionError) -> String {
    match error {
        ExecutionError::FunctionError { function, message } => format!("{function}: {message}"),
        ExecutionError::UndeclaredReference(name) => {
            format!("there is no {name:?}; there are {NAMES}")
        }
        ExecutionError::UnexpectedType { got, want } if want == "Arc<String>" => {
            format!("a function wants a text, not {got}")
        }
        ExecutionError::NoSuchKey(name) => format!("there is no field {name:?}"),
        error => {
            let text = error.to_string();
            let mut letters = text.chars();
            let first = letters.next().map(|letter| letter.to_ascii_lowercase());
            first.into_iter().chain(letters).collect()
        }
    }
}

fn context(env: &Arc<Env>, view: &View, wants: &Arc<Wants>) -> Context<'static, 'static> {
    let mut context = Context::with_env(env.clone());
    let declared = declare_objects(&mut context, view, wants)
        .and_then(|()| declare_history(&mut context, view));
    declared.expect("no function of CEL has a name of these");
    context
}

/// What there is now.
fn declare_objects(
    context: &mut Context<'static, 'static>,
    view: &View,
    wants: &Arc<Wants>,
) -> Result<(), DeclarationError> {
    use std::sync::atomic::Ordering::Relaxed;
    let (files, wants) = (view.clone(), wants.clone());
    context.add_function("file", move |path: Arc<String>| {
        let (lines, json) = (wants.lines.load(Relaxed), wants.json.load(Relaxed));
        file(&files.file(&path), lines, json)
    })?;
    let queues = view.clone();
    context.add_function("queue", move |Arguments(names): Arguments| {
        let (pod, name) = pod_and_name("queue", &names)?;
        let queue = queues.queue_of(pod, name);
        let exists = queue.is_some();
        let queue = queue.unwrap_or_default();
        Ok::<_, ExecutionError>(object([
            ("exists", exists.into()),
            ("depth", count(queue.depth as u64)),
            ("sent", count(queue.sent)),
            ("received", count(queue.received)),
            ("senders", count(queue.senders as u64)),
            ("receivers", count(queue.receivers as u64)),
        ]))
    })?;
    let semaphores = view.clone();
    context.add_function("semaphore", move |Arguments(names): Arguments| {
        let (pod, name) = pod_and_name("semaphore", &names)?;
        let semaphore = semaphores.semaphore_of(pod, name);
        let exists = semaphore.is_some();
        let semaphore = semaphore.unwrap_or_default();
        Ok::<_, ExecutionError>(object([
            ("exists", exists.into()),
            ("value", count(semaphore.value.into())),
            ("waiting", count(semaphore.waiting as u64)),
        ]))
    })?;
    let containers = view.clone();
    context.add_function("container", move |name: Arc<String>| {
        container(&containers.container(&name))
    })
}

/// What there was.
fn declare_history(
    context: &mut Context<'static, 'static>,
    view: &View,
) -> Result<(), DeclarationError> {
    let logs = view.clone();
    context.add_function("log", move |name: Arc<String>| {
        Value::String(logs.log(&name))
    })?;
    let events = view.clone();
    context.add_function("event", move |Arguments(names): Arguments| {
        let (call, on) = match names.as_slice() {
            [Value::String(call)] => (call, ""),
            [Value::String(call), Value::String(on)] => (call, on.as_str()),
            _ => {
                let wanted = "a call such as \"fs.rename\", and an object";
                return Err(wrong_arguments("event", wanted));
            }
        };
        Ok(Value::Int(events.events(call, on)))
    })?;
    context.add_function("lines", |This(text): This<Arc<String>>| lines(&text))
}

fn wrong_arguments(function: &str, wanted: &str) -> ExecutionError {
    ExecutionError::function_error(function, format!("it takes {wanted}"))
}

fn pod_and_name<'v>(
    function: &str,
    names: &'v [Value],
) -> Result<(Option<&'v str>, &'v str), ExecutionError> {
    match names {
        [Value::String(name)] => Ok((None, name)),
        [Value::String(pod), Value::String(name)] => Ok((Some(pod), name)),
        _ => Err(wrong_arguments(function, "a name, or a pod and a name")),
    }
}

fn object<'k>(fields: impl IntoIterator<Item = (&'k str, Value)>) -> Value {
    let fields = fields
        .into_iter()
        .map(|(name, value)| (Key::from(name), value));
    Value::Map(Map {
        map: Arc::new(fields.collect()),
    })
}

fn count(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn lines(text: &str) -> Value {
    Value::List(Arc::new(text.lines().map(Value::from).collect()))
}

fn file(file: &FileLook, wants_lines: bool, wants_json: bool) -> Value {
    let text = file.text();
    let mut fields = vec![
        ("exists", file.exists().into()),
        ("size", count(file.bytes().len() as u64)),
        ("isJson", file.is_json().into()),
    ];
    if wants_lines {
        fields.push(("lines", lines(&text)));
    }
    if wants_json {
        fields.push(("json", file.json().as_ref().map_or(Value::Null, json)));
    }
    fields.push(("text", text.into()));
    object(fields)
}

fn container(container: &ContainerLook) -> Value {
    let code = container.exit_code;
    object([
        ("state", container.state.word().into()),
        (
            "exitCode",
            code.map_or(Value::Null, |code| Value::Int(code.into())),
        ),
        ("reason", container.reason.as_str().into()),
        ("restarts", count(container.restarts.into())),
        ("ready", container.ready.into()),
    ])
}

/// Numbers are integers where they can be.
fn json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => (*truth).into(),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Value::Int(number),
            (None, Some(number)) => Value::UInt(number),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.iter().map(json).collect())),
        serde_json::Value::Object(fields) => object(
            fields
                .iter()
                .map(|(name, value)| (name.as_str(), json(value))),
        ),
    }
}
