//! Values of expressions.

use super::ast::{Expr, Name, Operator, Source};
use super::parser::special;
use super::run::{Array, Done, Interpreter, Slot, Stop};
use super::value::Value;
use regex_lite::Regex;
use std::rc::Rc;

/// Functions inside each other.
const CALLS_MAX: usize = 400;

impl Interpreter<'_> {
    pub(super) fn is_true(&mut self, expr: &Expr) -> Done<bool> {
        self.value(expr).map(|value| value.is_true())
    }

    pub(super) fn number(&mut self, expr: &Expr) -> Done<f64> {
        self.value(expr).map(|value| value.number())
    }

    pub(super) fn text(&mut self, expr: &Expr) -> Done<Rc<str>> {
        let value = self.value(expr)?;
        Ok(value.text(&self.special(special::CONVFMT)))
    }

    pub(super) fn value(&mut self, expr: &Expr) -> Done<Value> {
        Ok(match expr {
            Expr::Number(number) => (*number).into(),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Regex(regex) => {
                let text = self.record_text();
                regex.is_match(&text).into()
            }
            Expr::Variable(name) => self.variable(*name)?,
            Expr::Field(index) => {
                let index = self.field_index(index)?;
                self.field(index)?
            }
            Expr::Element(name, subscripts) => {
                let key = self.key(subscripts)?;
                let array = self.array(*name)?;
                array.borrow_mut().entry(key).or_default().clone()
            }
            Expr::Assign(operator, target, right) => self.assign_to(*operator, target, right)?,
            Expr::Step(amount, target, wants_before) => {
                let before = self.number(target)?;
                self.set(target, (before + amount).into())?;
                (if *wants_before {
                    before
                } else {
                    before + amount
                })
                .into()
            }
            Expr::Binary(operator, left, right) => {
                let left = self.value(left)?;
                let right = self.value(right)?;
                self.binary(*operator, &left, &right)?
            }
            Expr::And(left, right) => (self.is_true(left)? && self.is_true(right)?).into(),
            Expr::Or(left, right) => (self.is_true(left)? || self.is_true(right)?).into(),
            Expr::Not(operand) => (!self.is_true(operand)?).into(),
            Expr::Negate(operand) => (-self.number(operand)?).into(),
            Expr::Plus(operand) => self.number(operand)?.into(),
            Expr::Choose(condition, yes, no) => match self.is_true(condition)? {
                true => self.value(yes)?,
                false => self.value(no)?,
            },
            Expr::Match(left, right) => {
                let text = self.text(left)?;
                self.pattern(right)?.is_match(&text).into()
            }
            Expr::In(subscripts, name) => {
                let key = self.key(subscripts)?;
                let array = self.array(*name)?;
                array.borrow().contains_key(&key).into()
            }
            Expr::Call(function, arguments) => self.call(*function, arguments)?,
            Expr::Builtin(builtin, arguments) => self.builtin(*builtin, arguments)?,
            Expr::Getline(source, target) => self.getline(source, target.as_deref())?,
            Expr::Group(inner) => self.value(inner)?,
            Expr::List(parts) => Value::Text(self.key(parts)?),
        })
    }

    /// An expression as a regular one: as it stands, or the text it gives.
    pub(super) fn pattern(&mut self, expr: &Expr) -> Done<Rc<Regex>> {
        if let Expr::Regex(regex) = expr {
            return Ok(regex.clone());
        }
        let text = self.text(expr)?;
        self.regex(&text)
    }

    /// Subscripts as the text that arrays know them by.
    pub(super) fn key(&mut self, subscripts: &[Expr]) -> Done<Rc<str>> {
        if let [one] = subscripts {
            return self.text(one);
        }
        let mut texts = Vec::with_capacity(subscripts.len());
        for subscript in subscripts {
            texts.push(self.text(subscript)?);
        }
        Ok(texts.join(&*self.special(special::SUBSEP)).into())
    }

    fn slot(&mut self, name: Name) -> &mut Slot {
        match (name, self.frames.last_mut()) {
            (Name::Local(index), Some(frame)) => &mut frame[index],
            // Locals are parsed in functions only.
            (Name::Local(index) | Name::Global(index), _) => &mut self.globals[index],
        }
    }

    fn variable(&mut self, name: Name) -> Done<Value> {
        if name == Name::Global(special::NF) {
            self.split_record()?;
            return Ok((self.record.count() as f64).into());
        }
        match self.slot(name) {
            Slot::Value(value) => Ok(value.clone()),
            Slot::Either(_) => Ok(Value::Unset),
            Slot::Array(_) => Err("Attempt to use array in scalar context".to_owned().into()),
        }
    }

    pub(super) fn is_array(&mut self, name: Name) -> bool {
        matches!(self.slot(name), Slot::Array(_) | Slot::Either(_))
    }

    pub(super) fn set_special(&mut self, index: usize, number: f64) {
        self.globals[index] = Slot::Value(number.into());
    }

    pub(super) fn array(&mut self, name: Name) -> Done<Array> {
        let slot = self.slot(name);
        let array = match slot {
            Slot::Array(array) => return Ok(array.clone()),
            Slot::Either(array) => array.clone(),
            Slot::Value(Value::Unset) => Array::default(),
            Slot::Value(_) => {
                return Err("Attempt to use scalar as array".to_owned().into());
            }
        };
        *slot = Slot::Array(array.clone());
        Ok(array)
    }

    fn field_index(&mut self, index: &Expr) -> Done<usize> {
        let number = self.number(index)?;
        match number < 0.0 {
            true => Err("Access to negative field".to_owned().into()),
            false => Ok(number as usize),
        }
    }

    fn field(&mut self, index: usize) -> Done<Value> {
        if index == 0 {
            return Ok(Value::input(&self.record_text()));
        }
        self.split_record()?;
        Ok(self.record.field(index))
    }

    /// Stores a value in a variable, an element or a field.
    pub(super) fn set(&mut self, target: &Expr, value: Value) -> Done {
        match target {
            Expr::Variable(Name::Global(special::NF)) => {
                self.split_record()?;
                let count = value.number().max(0.0) as usize;
                self.record.resize(count)?;
            }
            Expr::Variable(Name::Global(special::FS)) => {
                // It holds from the next record on.
                self.split_record()?;
                self.globals[special::FS] = Slot::Value(value);
            }
            Expr::Variable(name) => match self.slot(*name) {
                Slot::Array(_) => {
                    return Err("Attempt to use array in scalar context".to_owned().into());
                }
                slot @ (Slot::Value(_) | Slot::Either(_)) => *slot = Slot::Value(value),
            },
            Expr::Element(name, subscripts) => {
                let key = self.key(subscripts)?;
                self.array(*name)?.borrow_mut().insert(key, value);
            }
            Expr::Field(index) => {
                let index = self.field_index(index)?;
                if index == 0 {
                    let text = value.text(&self.special(special::CONVFMT));
                    self.record.set(text);
                } else {
                    self.split_record()?;
                    self.record.set_field(index, value)?;
                }
            }
            Expr::Group(inner) => self.set(inner, value)?,
            // The parser lets nothing else through.
            _ => {}
        }
        Ok(())
    }

    fn assign_to(
        &mut self,
        operator: Option<Operator>,
        target: &Expr,
        right: &Expr,
    ) -> Done<Value> {
        let right = self.value(right)?;
        let value = match operator {
            None => right,
            Some(operator) => {
                let left = self.value(target)?;
                self.binary(operator, &left, &right)?
            }
        };
        self.set(target, value.clone())?;
        Ok(value)
    }

    fn binary(&mut self, operator: Operator, left: &Value, right: &Value) -> Done<Value> {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let format = self.special(special::CONVFMT);
        let (a, b) = (left.number(), right.number());
        let compared = |orders: &[std::cmp::Ordering]| -> Value {
            left.compare(right, &format)
                .is_some_and(|order| orders.contains(&order))
                .into()
        };
        Ok(match operator {
            Operator::Add => (a + b).into(),
            Operator::Subtract => (a - b).into(),
            Operator::Multiply => (a * b).into(),
            Operator::Divide | Operator::Modulo if b == 0.0 => {
                return Err("Division by zero".to_owned().into());
            }
            Operator::Divide => (a / b).into(),
            Operator::Modulo => (a % b).into(),
            Operator::Power => a.powf(b).into(),
            Operator::Concat => {
                let (left, right) = (left.text(&format), right.text(&format));
                Value::from(format!("{left}{right}"))
            }
            Operator::Less => compared(&[Less]),
            Operator::LessOrEqual => compared(&[Less, Equal]),
            Operator::Equal => compared(&[Equal]),
            Operator::NotEqual => {
                let equal = left.compare(right, &format) == Some(Equal);
                (!equal).into()
            }
            Operator::Greater => compared(&[Greater]),
            Operator::GreaterOrEqual => compared(&[Greater, Equal]),
        })
    }

    fn call(&mut self, index: usize, arguments: &[Expr]) -> Done<Value> {
        if self.frames.len() >= CALLS_MAX {
            return Err("function calls are too deep".to_owned().into());
        }
        let function = self.program.functions[index].clone();
        let mut frame = Vec::with_capacity(function.parameters);
        for argument in arguments {
            let slot = match argument {
                Expr::Variable(name) if *name != Name::Global(special::NF) => self.given(*name),
                argument => Slot::Value(self.value(argument)?),
            };
            if frame.len() < function.parameters {
                frame.push(slot);
            }
        }
        while frame.len() < function.parameters {
            frame.push(Slot::Either(Array::default()));
        }
        self.frames.push(frame);
        let done = self.block(&function.body);
        let frame = self.frames.pop().unwrap_or_default();
        for (argument, slot) in arguments.iter().zip(frame) {
            // What was nothing before the call and an array in it is one from now on.
            if let (Expr::Variable(name), Slot::Array(array)) = (argument, slot)
                && matches!(
                    self.slot(*name),
                    Slot::Value(Value::Unset) | Slot::Either(_)
                )
            {
                *self.slot(*name) = Slot::Array(array);
            }
        }
        match done {
            Ok(()) => Ok(Value::Unset),
            Err(Stop::Return(value)) => Ok(value),
            Err(stop) => Err(stop),
        }
    }

    /// A variable as an argument: arrays are shared.
    fn given(&mut self, name: Name) -> Slot {
        match self.slot(name) {
            Slot::Value(Value::Unset) => Slot::Either(Array::default()),
            slot => slot.clone(),
        }
    }

    fn getline(&mut self, source: &Source, target: Option<&Expr>) -> Done<Value> {
        let terminator = self.terminator()?;
        let (name, is_command) = match source {
            Source::Main => {
                let Some(record) = self.next_main()? else {
                    return Ok(0.0.into());
                };
                self.accept_record(&record, target)?;
                return Ok(1.0.into());
            }
            Source::File(name) => (self.text(name)?, false),
            Source::Command(command) => (self.text(command)?, true),
        };
        let read = self.streams.read(&name, is_command, &terminator, self.tool);
        match read {
            Ok(None) => Ok(0.0.into()),
            Err(None) => Ok((-1.0).into()),
            Err(Some(error)) => Err(error.into()),
            Ok(Some(record)) => {
                if is_command {
                    self.count(special::NR);
                    self.count(special::FNR);
                }
                self.accept_record(&record, target)?;
                Ok(1.0.into())
            }
        }
    }

    fn accept_record(&mut self, record: &str, target: Option<&Expr>) -> Done {
        match target {
            Some(target) => self.set(target, Value::input(record)),
            None => {
                self.record.set(record.into());
                Ok(())
            }
        }
    }
}
