//! A parsed program.

use regex_lite::Regex;
use std::rc::Rc;

#[derive(Debug, Default)]
pub(super) struct Program {
    pub(super) begin: Vec<Block>,
    pub(super) rules: Vec<Rule>,
    pub(super) end: Vec<Block>,
    pub(super) functions: Vec<Function>,
    /// Names of global variables, by index; the special ones come first.
    pub(super) globals: Vec<String>,
}

/// Statements, each with the line it begins in.
pub(super) type Block = Vec<(usize, Statement)>;

#[derive(Debug)]
pub(super) struct Rule {
    pub(super) pattern: Pattern,
    /// `None` prints the record.
    pub(super) action: Option<Block>,
}

#[derive(Debug)]
pub(super) enum Pattern {
    Always,
    When(Expr),
    /// From a record to a record; the number keeps whether it is on.
    Range(Expr, Expr, usize),
}

#[derive(Debug, Default, Clone)]
pub(super) struct Function {
    pub(super) name: String,
    pub(super) parameters: usize,
    pub(super) body: Rc<Block>,
    pub(super) defined: bool,
    /// Where it was first called, for the message when it is not defined.
    pub(super) called_in_line: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redirect {
    Write,
    Append,
    Pipe,
}

#[derive(Debug)]
pub(super) enum Statement {
    Block(Block),
    Expr(Expr),
    Print(Vec<Expr>, Option<(Redirect, Expr)>),
    Printf(Vec<Expr>, Option<(Redirect, Expr)>),
    If(Expr, Block, Block),
    While(Expr, Block),
    Do(Block, Expr),
    For(
        Option<Box<Statement>>,
        Option<Expr>,
        Option<Box<Statement>>,
        Block,
    ),
    ForIn(Expr, Name, Block),
    Break,
    Continue,
    Next,
    NextFile,
    Exit(Option<Expr>),
    Return(Option<Expr>),
    Delete(Name, Vec<Expr>),
}

/// A variable: of the program, or of the function around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Global(usize),
    Local(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Concat,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug)]
pub(super) enum Expr {
    Number(f64),
    Text(Rc<str>),
    /// On its own it is matched against the record.
    Regex(Rc<Regex>),
    Variable(Name),
    Field(Box<Expr>),
    Element(Name, Vec<Expr>),
    Assign(Option<Operator>, Box<Expr>, Box<Expr>),
    /// What to add, to what, and whether the value before it is wanted.
    Step(f64, Box<Expr>, bool),
    Binary(Operator, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Plus(Box<Expr>),
    Choose(Box<Expr>, Box<Expr>, Box<Expr>),
    Match(Box<Expr>, Box<Expr>),
    In(Vec<Expr>, Name),
    Call(usize, Vec<Expr>),
    Builtin(Builtin, Vec<Expr>),
    Getline(Source, Option<Box<Expr>>),
    /// Parentheses: what is in them is one operand.
    Group(Box<Expr>),
    /// `(a, b)` before `in`, or of `print`.
    List(Vec<Expr>),
}

impl Expr {
    pub(super) fn is_lvalue(&self) -> bool {
        matches!(self, Expr::Variable(_) | Expr::Field(_) | Expr::Element(..))
    }
}

/// Where `getline` reads from.
#[derive(Debug)]
pub(super) enum Source {
    Main,
    File(Box<Expr>),
    Command(Box<Expr>),
}

macro_rules! builtins {
    ($($variant:ident $name:literal $min:literal $max:literal,)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Builtin { $($variant,)* }

        impl Builtin {
            pub(super) fn find(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The least and the most arguments.
            pub(super) fn arity(self) -> (usize, usize) {
                match self {
                    $(Self::$variant => ($min, $max),)*
                }
            }
        }
    };
}

builtins! {
    And "and" 2 2,
    Atan2 "atan2" 2 2,
    Close "close" 1 2,
    Compl "compl" 1 1,
    Cos "cos" 1 1,
    Exp "exp" 1 1,
    Fflush "fflush" 0 1,
    Gsub "gsub" 2 3,
    Gensub "gensub" 3 4,
    Index "index" 2 2,
    Int "int" 1 1,
    Length "length" 0 1,
    Log "log" 1 1,
    Lshift "lshift" 2 2,
    Match "match" 2 2,
    Or "or" 2 2,
    Rand "rand" 0 0,
    Rshift "rshift" 2 2,
    Sin "sin" 1 1,
    Split "split" 2 3,
    Sprintf "sprintf" 1 1000,
    Sqrt "sqrt" 1 1,
    Srand "srand" 0 1,
    Strftime "strftime" 0 3,
    Sub "sub" 2 3,
    Substr "substr" 2 3,
    System "system" 1 1,
    Systime "systime" 0 0,
    Tolower "tolower" 1 1,
    Toupper "toupper" 1 1,
    Xor "xor" 2 2,
}
