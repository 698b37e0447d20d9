//! From words to a program: rules, functions and statements.

use super::ast::{Block, Expr, Function, Name, Pattern, Program, Redirect, Rule, Statement};
use super::lexer::{Placed, Token, tokens};
use std::rc::Rc;

/// Statements and expressions inside each other.
const DEPTH_MAX: usize = 120;

/// Variables that mean something, by index.
pub(super) const SPECIAL: [&str; 16] = [
    "NF", "NR", "FNR", "FS", "OFS", "ORS", "RS", "SUBSEP", "RSTART", "RLENGTH", "FILENAME",
    "CONVFMT", "OFMT", "ENVIRON", "ARGC", "ARGV",
];

/// Indices of special variables, in the order of [`SPECIAL`].
pub(super) mod special {
    pub(crate) const NF: usize = 0;
    pub(crate) const NR: usize = 1;
    pub(crate) const FNR: usize = 2;
    pub(crate) const FS: usize = 3;
    pub(crate) const OFS: usize = 4;
    pub(crate) const ORS: usize = 5;
    pub(crate) const RS: usize = 6;
    pub(crate) const SUBSEP: usize = 7;
    pub(crate) const RSTART: usize = 8;
    pub(crate) const RLENGTH: usize = 9;
    pub(crate) const FILENAME: usize = 10;
    pub(crate) const CONVFMT: usize = 11;
    pub(crate) const OFMT: usize = 12;
    pub(crate) const ENVIRON: usize = 13;
    pub(crate) const ARGC: usize = 14;
    pub(crate) const ARGV: usize = 15;
}

pub(super) fn parse(source: &str) -> Result<Program, String> {
    let mut parser = Parser {
        tokens: tokens(source)?,
        at: 0,
        program: Program {
            globals: SPECIAL.map(str::to_owned).to_vec(),
            ..Program::default()
        },
        locals: Vec::new(),
        ranges: 0,
        greater_redirects: false,
        depth: 0,
    };
    parser.program()?;
    if let Some(function) = parser.program.functions.iter().find(|f| !f.defined) {
        return Err(format!(
            "{}: Call to undefined function",
            function.called_in_line
        ));
    }
    Ok(parser.program)
}

pub(super) struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    pub(super) program: Program,
    /// Parameters of the function around.
    locals: Vec<String>,
    ranges: usize,
    /// `>` ends an expression: it belongs to a `print`.
    pub(super) greater_redirects: bool,
    depth: usize,
}

pub(super) type Parsed<T> = Result<T, String>;

impl Parser {
    pub(super) fn line(&self) -> usize {
        self.tokens[self.at].1
    }

    pub(super) fn unexpected<T>(&self) -> Parsed<T> {
        let what = match self.peek() {
            Token::End => "Unexpected end of string",
            _ => "Unexpected token",
        };
        Err(format!("{}: {what}", self.line()))
    }

    pub(super) fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    pub(super) fn peek_after(&self, count: usize) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.at + count).min(last)].0
    }

    /// Takes the next token; the end stays.
    pub(super) fn take(&mut self) -> Token {
        let token = self.peek().clone();
        if token != Token::End {
            self.at += 1;
        }
        token
    }

    /// Gives the last token back.
    pub(super) fn step_back(&mut self) {
        self.at -= 1;
    }

    pub(super) fn is(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(known) if *known == word)
    }

    pub(super) fn accept(&mut self, word: &str) -> bool {
        let found = self.is(word);
        if found {
            self.at += 1;
        }
        found
    }

    pub(super) fn expect(&mut self, word: &str) -> Parsed<()> {
        match self.accept(word) {
            true => Ok(()),
            false => self.unexpected(),
        }
    }

    pub(super) fn skip_newlines(&mut self) {
        while *self.peek() == Token::Newline {
            self.at += 1;
        }
    }

    fn skip_separators(&mut self) {
        while *self.peek() == Token::Newline || self.is(";") {
            self.at += 1;
        }
    }

    /// Counts one level deeper around `parse`.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH_MAX {
            return Err(format!("{}: Too deeply nested", self.line()));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn program(&mut self) -> Parsed<()> {
        loop {
            self.skip_separators();
            match self.peek() {
                Token::End => return Ok(()),
                Token::Word("function" | "func") => self.function()?,
                Token::Word("BEGIN") => {
                    self.at += 1;
                    let block = self.block()?;
                    self.program.begin.push(block);
                }
                Token::Word("END") => {
                    self.at += 1;
                    let block = self.block()?;
                    self.program.end.push(block);
                }
                _ => {
                    let rule = self.rule()?;
                    self.program.rules.push(rule);
                }
            }
        }
    }

    fn rule(&mut self) -> Parsed<Rule> {
        if self.is("{") {
            return Ok(Rule {
                pattern: Pattern::Always,
                action: Some(self.block()?),
            });
        }
        let from = self.expr()?;
        let pattern = if self.accept(",") {
            self.skip_newlines();
            let to = self.expr()?;
            self.ranges += 1;
            Pattern::Range(from, to, self.ranges - 1)
        } else {
            Pattern::When(from)
        };
        let action = match self.is("{") {
            true => Some(self.block()?),
            false => None,
        };
        Ok(Rule { pattern, action })
    }

    fn function(&mut self) -> Parsed<()> {
        self.at += 1;
        let Token::Name(name, _) = self.take() else {
            return self.unexpected();
        };
        self.expect("(")?;
        let mut parameters = Vec::new();
        while !self.accept(")") {
            let Token::Name(parameter, _) = self.take() else {
                return self.unexpected();
            };
            parameters.push(parameter);
            if !self.is(")") {
                self.expect(",")?;
                self.skip_newlines();
            }
        }
        self.skip_newlines();
        let index = self.function_index(&name);
        let count = parameters.len();
        self.locals = parameters;
        let body = self.block();
        self.locals = Vec::new();
        self.program.functions[index] = Function {
            name,
            parameters: count,
            body: Rc::new(body?),
            defined: true,
            called_in_line: 0,
        };
        Ok(())
    }

    /// Of a function that is defined, or will be.
    pub(super) fn function_index(&mut self, name: &str) -> usize {
        let line = self.line();
        let functions = &mut self.program.functions;
        functions
            .iter()
            .position(|function| function.name == name)
            .unwrap_or_else(|| {
                functions.push(Function {
                    name: name.to_owned(),
                    called_in_line: line,
                    ..Function::default()
                });
                functions.len() - 1
            })
    }

    pub(super) fn variable(&mut self, name: &str) -> Name {
        if let Some(index) = self.locals.iter().position(|local| local == name) {
            return Name::Local(index);
        }
        let globals = &mut self.program.globals;
        let index = globals
            .iter()
            .position(|global| global == name)
            .unwrap_or_else(|| {
                globals.push(name.to_owned());
                globals.len() - 1
            });
        Name::Global(index)
    }

    fn block(&mut self) -> Parsed<Block> {
        self.expect("{")?;
        let mut block = Vec::new();
        loop {
            self.skip_separators();
            if self.accept("}") {
                return Ok(block);
            }
            block.push(self.placed_statement()?);
        }
    }

    /// The body of `if` and loops: a statement on this line or the next.
    fn body(&mut self) -> Parsed<Block> {
        if self.accept(";") {
            return Ok(Vec::new());
        }
        self.skip_newlines();
        Ok(vec![self.placed_statement()?])
    }

    fn placed_statement(&mut self) -> Parsed<(usize, Statement)> {
        let line = self.line();
        Ok((line, self.nested(Self::statement)?))
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let Token::Word(word) = *self.peek() else {
            let statement = self.simple()?;
            self.end_of_statement()?;
            return Ok(statement);
        };
        let statement = match word {
            "{" => return Ok(Statement::Block(self.block()?)),
            "if" => return self.if_statement(),
            "while" => return self.while_statement(),
            "do" => self.do_statement()?,
            "for" => return self.for_statement(),
            "break" => self.keyword(Statement::Break),
            "continue" => self.keyword(Statement::Continue),
            "next" => self.keyword(Statement::Next),
            "nextfile" => self.keyword(Statement::NextFile),
            "exit" => {
                self.at += 1;
                Statement::Exit(self.optional_expr()?)
            }
            "return" => {
                self.at += 1;
                Statement::Return(self.optional_expr()?)
            }
            _ => self.simple()?,
        };
        self.end_of_statement()?;
        Ok(statement)
    }

    fn keyword(&mut self, statement: Statement) -> Statement {
        self.at += 1;
        statement
    }

    fn end_of_statement(&mut self) -> Parsed<()> {
        if self.is("}") {
            return Ok(());
        }
        if self.accept(";") || *self.peek() == Token::Newline {
            return Ok(());
        }
        self.unexpected()
    }

    fn ends_here(&self) -> bool {
        self.is("}") || self.is(";") || matches!(self.peek(), Token::Newline | Token::End)
    }

    fn optional_expr(&mut self) -> Parsed<Option<Expr>> {
        match self.ends_here() {
            true => Ok(None),
            false => self.expr().map(Some),
        }
    }

    /// A statement that may stand in the head of a `for`.
    fn simple(&mut self) -> Parsed<Statement> {
        if self.accept("print") {
            let (arguments, redirect) = self.print_arguments()?;
            return Ok(Statement::Print(arguments, redirect));
        }
        if self.accept("printf") {
            let (arguments, redirect) = self.print_arguments()?;
            if arguments.is_empty() {
                return self.unexpected();
            }
            return Ok(Statement::Printf(arguments, redirect));
        }
        if self.accept("delete") {
            let Token::Name(name, _) = self.take() else {
                return self.unexpected();
            };
            let name = self.variable(&name);
            let subscripts = match self.accept("[") {
                true => self.expr_list("]")?,
                false => Vec::new(),
            };
            return Ok(Statement::Delete(name, subscripts));
        }
        Ok(Statement::Expr(self.expr()?))
    }

    #[expect(clippy::type_complexity, reason = "the two halves of a print")]
    fn print_arguments(&mut self) -> Parsed<(Vec<Expr>, Option<(Redirect, Expr)>)> {
        let ends = |parser: &Self| {
            parser.ends_here() || parser.is(">") || parser.is(">>") || parser.is("|")
        };
        let mut arguments = Vec::new();
        let outer = std::mem::replace(&mut self.greater_redirects, true);
        while !ends(self) {
            arguments.push(self.expr()?);
            if !self.accept(",") {
                break;
            }
            self.skip_newlines();
        }
        if let [Expr::List(_)] = arguments.as_slice()
            && let Some(Expr::List(list)) = arguments.pop()
        {
            arguments = list;
        }
        let kind = match self.peek() {
            Token::Word(">") => Some(Redirect::Write),
            Token::Word(">>") => Some(Redirect::Append),
            Token::Word("|") => Some(Redirect::Pipe),
            _ => None,
        };
        let redirect = match kind {
            Some(kind) => {
                self.at += 1;
                Some((kind, self.choice()?))
            }
            None => None,
        };
        self.greater_redirects = outer;
        Ok((arguments, redirect))
    }

    fn condition(&mut self) -> Parsed<Expr> {
        self.expect("(")?;
        let condition = self.expr()?;
        self.expect(")")?;
        Ok(condition)
    }

    fn if_statement(&mut self) -> Parsed<Statement> {
        self.at += 1;
        let condition = self.condition()?;
        let then = self.body()?;
        let before = self.at;
        self.skip_separators();
        if self.accept("else") {
            let otherwise = self.body()?;
            return Ok(Statement::If(condition, then, otherwise));
        }
        self.at = before;
        Ok(Statement::If(condition, then, Vec::new()))
    }

    fn while_statement(&mut self) -> Parsed<Statement> {
        self.at += 1;
        let condition = self.condition()?;
        Ok(Statement::While(condition, self.body()?))
    }

    fn do_statement(&mut self) -> Parsed<Statement> {
        self.at += 1;
        let body = self.body()?;
        self.skip_separators();
        self.expect("while")?;
        Ok(Statement::Do(body, self.condition()?))
    }

    fn for_statement(&mut self) -> Parsed<Statement> {
        self.at += 1;
        self.expect("(")?;
        if let (
            Token::Name(variable, _),
            Token::Word("in"),
            Token::Name(array, _),
            Token::Word(")"),
        ) = (
            self.peek().clone(),
            self.peek_after(1),
            self.peek_after(2).clone(),
            self.peek_after(3),
        ) {
            self.at += 4;
            let variable = self.variable(&variable);
            let array = self.variable(&array);
            let body = self.body()?;
            return Ok(Statement::ForIn(Expr::Variable(variable), array, body));
        }
        let first = match self.is(";") {
            true => None,
            false => Some(Box::new(self.simple()?)),
        };
        self.expect(";")?;
        self.skip_newlines();
        let condition = match self.is(";") {
            true => None,
            false => Some(self.expr()?),
        };
        self.expect(";")?;
        self.skip_newlines();
        let step = match self.is(")") {
            true => None,
            false => Some(Box::new(self.simple()?)),
        };
        self.expect(")")?;
        Ok(Statement::For(first, condition, step, self.body()?))
    }
}
