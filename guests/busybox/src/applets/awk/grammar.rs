//! Expressions, from the loosest operator to the tightest.

use super::ast::{Builtin, Expr, Operator, Source};
use super::lexer::Token;
use super::parser::{Parsed, Parser};
use crate::regex::{Grammar, compile};
use std::rc::Rc;

impl Parser {
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        self.nested(Self::assignment)
    }

    /// Expressions up to a delimiter, which is taken.
    pub(super) fn expr_list(&mut self, end: &str) -> Parsed<Vec<Expr>> {
        let outer = std::mem::replace(&mut self.greater_redirects, false);
        let mut list = Vec::new();
        self.skip_newlines();
        while !self.accept(end) {
            list.push(self.expr()?);
            self.skip_newlines();
            if !self.is(end) {
                self.expect(",")?;
                self.skip_newlines();
            }
        }
        self.greater_redirects = outer;
        Ok(list)
    }

    fn assignment(&mut self) -> Parsed<Expr> {
        let left = self.choice()?;
        let Token::Word(word) = *self.peek() else {
            return Ok(left);
        };
        let operator = match word {
            "=" => None,
            "+=" => Some(Operator::Add),
            "-=" => Some(Operator::Subtract),
            "*=" => Some(Operator::Multiply),
            "/=" => Some(Operator::Divide),
            "%=" => Some(Operator::Modulo),
            "^=" => Some(Operator::Power),
            _ => return Ok(left),
        };
        self.take();
        self.skip_newlines();
        let right = self.expr()?;
        assign(left, operator, right).or_else(|()| self.unexpected())
    }

    pub(super) fn choice(&mut self) -> Parsed<Expr> {
        let condition = self.either()?;
        if !self.accept("?") {
            return Ok(condition);
        }
        self.skip_newlines();
        let yes = self.expr()?;
        self.skip_newlines();
        self.expect(":")?;
        self.skip_newlines();
        let no = self.expr()?;
        Ok(Expr::Choose(
            Box::new(condition),
            Box::new(yes),
            Box::new(no),
        ))
    }

    fn either(&mut self) -> Parsed<Expr> {
        let mut left = self.both()?;
        while self.accept("||") {
            self.skip_newlines();
            left = Expr::Or(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Parsed<Expr> {
        let mut left = self.membership()?;
        while self.accept("&&") {
            self.skip_newlines();
            left = Expr::And(Box::new(left), Box::new(self.membership()?));
        }
        Ok(left)
    }

    fn membership(&mut self) -> Parsed<Expr> {
        let mut left = self.matching()?;
        while self.accept("in") {
            let Token::Name(array, _) = self.take() else {
                return self.unexpected();
            };
            let array = self.variable(&array);
            let subscripts = match left {
                Expr::List(subscripts) => subscripts,
                subscript => vec![subscript],
            };
            left = Expr::In(subscripts, array);
        }
        Ok(left)
    }

    fn matching(&mut self) -> Parsed<Expr> {
        let mut left = self.comparison()?;
        loop {
            let negated = self.is("!~");
            if !negated && !self.is("~") {
                return Ok(left);
            }
            self.take();
            let right = self.comparison()?;
            left = Expr::Match(Box::new(left), Box::new(right));
            if negated {
                left = Expr::Not(Box::new(left));
            }
        }
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        let left = self.piped()?;
        let Token::Word(word) = *self.peek() else {
            return Ok(left);
        };
        let operator = match word {
            "<" => Operator::Less,
            "<=" => Operator::LessOrEqual,
            "==" => Operator::Equal,
            "!=" => Operator::NotEqual,
            ">" if !self.greater_redirects => Operator::Greater,
            ">=" => Operator::GreaterOrEqual,
            _ => return Ok(left),
        };
        self.take();
        let right = self.piped()?;
        // An assignment takes the last operand of what stands before it: `1 == x = 2`.
        Ok(Expr::Binary(operator, Box::new(left), Box::new(right)))
    }

    /// `command | getline`
    fn piped(&mut self) -> Parsed<Expr> {
        let mut left = self.concatenation()?;
        while self.is("|") && *self.peek_after(1) == Token::Word("getline") {
            self.take();
            self.take();
            let target = self.optional_lvalue()?;
            left = Expr::Getline(Source::Command(Box::new(left)), target);
        }
        Ok(left)
    }

    fn concatenation(&mut self) -> Parsed<Expr> {
        let mut left = self.sum()?;
        while self.operand_follows() {
            let right = self.sum()?;
            left = Expr::Binary(Operator::Concat, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn operand_follows(&self) -> bool {
        match self.peek() {
            Token::Number(_) | Token::Text(_) | Token::Regex(_) | Token::Name(..) => true,
            Token::Word(word) => matches!(*word, "$" | "!" | "(" | "-" | "+" | "++" | "--"),
            Token::Newline | Token::End => false,
        }
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let mut left = self.product()?;
        loop {
            let operator = match self.peek() {
                Token::Word("+") => Operator::Add,
                Token::Word("-") => Operator::Subtract,
                _ => return Ok(left),
            };
            self.take();
            let right = self.product()?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn product(&mut self) -> Parsed<Expr> {
        let mut left = self.unary()?;
        loop {
            let operator = match self.peek() {
                Token::Word("*") => Operator::Multiply,
                Token::Word("/") => Operator::Divide,
                Token::Word("%") => Operator::Modulo,
                _ => return Ok(left),
            };
            self.take();
            let right = self.unary()?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let wrap: fn(Box<Expr>) -> Expr = match self.peek() {
            Token::Word("!") => Expr::Not,
            Token::Word("-") => Expr::Negate,
            Token::Word("+") => Expr::Plus,
            _ => return self.power(),
        };
        self.take();
        let operand = self.nested(Self::unary)?;
        Ok(wrap(Box::new(operand)))
    }

    fn power(&mut self) -> Parsed<Expr> {
        let base = self.postfix()?;
        if !self.accept("^") {
            return Ok(base);
        }
        // To the right, and with a sign: `2 ^ -1 ^ 2`.
        let exponent = self.nested(Self::unary)?;
        Ok(Expr::Binary(
            Operator::Power,
            Box::new(base),
            Box::new(exponent),
        ))
    }

    fn postfix(&mut self) -> Parsed<Expr> {
        let operand = self.primary()?;
        if operand.is_lvalue() {
            if self.accept("++") {
                return Ok(Expr::Step(1.0, Box::new(operand), true));
            }
            if self.accept("--") {
                return Ok(Expr::Step(-1.0, Box::new(operand), true));
            }
        }
        Ok(operand)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        match self.peek().clone() {
            Token::Number(number) => {
                self.take();
                Ok(Expr::Number(number))
            }
            Token::Text(text) => {
                self.take();
                Ok(Expr::Text(text))
            }
            Token::Regex(source) => {
                let line = self.line();
                self.take();
                let regex = compile(&source, Grammar::Extended, false)
                    .map_err(|error| format!("{line}: {error}"))?;
                Ok(Expr::Regex(Rc::new(regex)))
            }
            Token::Name(name, called) => {
                self.take();
                self.named(&name, called)
            }
            Token::Word(word) => {
                self.take();
                self.worded(word)
            }
            Token::Newline | Token::End => self.unexpected(),
        }
    }

    fn named(&mut self, name: &str, called: bool) -> Parsed<Expr> {
        if let Some(builtin) = Builtin::find(name) {
            return self.builtin(builtin);
        }
        if called {
            self.take();
            let index = self.function_index(name);
            let arguments = self.expr_list(")")?;
            return Ok(Expr::Call(index, arguments));
        }
        let variable = self.variable(name);
        if !self.accept("[") {
            return Ok(Expr::Variable(variable));
        }
        let subscripts = self.expr_list("]")?;
        match subscripts.is_empty() {
            true => self.unexpected(),
            false => Ok(Expr::Element(variable, subscripts)),
        }
    }

    fn builtin(&mut self, builtin: Builtin) -> Parsed<Expr> {
        let line = self.line();
        let arguments = match self.accept("(") {
            true => self.expr_list(")")?,
            false if builtin.arity().0 == 0 => Vec::new(),
            false => return self.unexpected(),
        };
        let (least, most) = builtin.arity();
        if arguments.len() < least || arguments.len() > most {
            let count = if arguments.len() < least {
                "few"
            } else {
                "many"
            };
            return Err(format!("{line}: Too {count} arguments"));
        }
        Ok(Expr::Builtin(builtin, arguments))
    }

    fn worded(&mut self, word: &str) -> Parsed<Expr> {
        match word {
            "$" => {
                // Tighter than any other operator: `$i++` is `($i)++`.
                let index = match self.peek() {
                    Token::Word("++" | "--") => self.nested(Self::postfix)?,
                    Token::Word("-") => self.nested(Self::unary)?,
                    _ => self.nested(Self::primary)?,
                };
                Ok(Expr::Field(Box::new(index)))
            }
            "++" | "--" => {
                let amount = if word == "++" { 1.0 } else { -1.0 };
                let operand = self.primary()?;
                match operand.is_lvalue() {
                    true => Ok(Expr::Step(amount, Box::new(operand), false)),
                    false => self.unexpected(),
                }
            }
            "(" => {
                let mut list = self.expr_list(")")?;
                match list.len() {
                    0 => self.unexpected(),
                    1 => Ok(Expr::Group(Box::new(list.remove(0)))),
                    _ => Ok(Expr::List(list)),
                }
            }
            "getline" => {
                let target = self.optional_lvalue()?;
                let source = match self.accept("<") {
                    true => Source::File(Box::new(self.primary()?)),
                    false => Source::Main,
                };
                Ok(Expr::Getline(source, target))
            }
            "-" | "+" | "!" => {
                self.step_back();
                self.nested(Self::unary)
            }
            _ => {
                self.step_back();
                self.unexpected()
            }
        }
    }

    fn optional_lvalue(&mut self) -> Parsed<Option<Box<Expr>>> {
        let begins = match self.peek() {
            Token::Word("$") => true,
            Token::Name(name, called) => !called && Builtin::find(name).is_none(),
            _ => false,
        };
        match begins {
            true => Ok(Some(Box::new(self.primary()?))),
            false => Ok(None),
        }
    }
}

/// Assigns to the lvalue that ends the left side: `a && b = 1` means `a && (b = 1)`.
fn assign(left: Expr, operator: Option<Operator>, right: Expr) -> Result<Expr, ()> {
    let inner = |last: Box<Expr>, right| assign(*last, operator, right).map(Box::new);
    Ok(match left {
        left if left.is_lvalue() => Expr::Assign(operator, Box::new(left), Box::new(right)),
        Expr::And(first, last) => Expr::And(first, inner(last, right)?),
        Expr::Or(first, last) => Expr::Or(first, inner(last, right)?),
        Expr::Not(last) => Expr::Not(inner(last, right)?),
        Expr::Match(first, last) => Expr::Match(first, inner(last, right)?),
        Expr::Binary(kind, first, last) => Expr::Binary(kind, first, inner(last, right)?),
        Expr::Choose(condition, yes, last) => Expr::Choose(condition, yes, inner(last, right)?),
        _ => return Err(()),
    })
}
