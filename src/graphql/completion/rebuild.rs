//! The data of an answer, put together from its plan.
//!
//! Here `None` is a null that the parent must take, because the field's own type
//! does not allow it; a field's error stands in the answer already.

use async_graphql::{
    Name, Value,
    parser::types::{BaseType, Type},
};
use async_graphql_value::indexmap::IndexMap;

use super::{
    marks::MARK,
    plan::{Asked, Level},
};

/// The data of an operation that ran; null where a null has come up to the top.
pub fn data(plan: &Level, answered: Value) -> Value {
    let members = match answered {
        Value::Object(members) => members,
        // The top is there, whatever failed or was skipped.
        _ => IndexMap::new(),
    };
    match plan.types.first() {
        Some((_, asked)) => object(asked, members).unwrap_or_default(),
        None => Value::Null,
    }
}

fn object(asked: &[Asked], mut members: IndexMap<Name, Value>) -> Option<Value> {
    let mut rebuilt = IndexMap::with_capacity(asked.len());
    for field in asked {
        let answered = members.swap_remove(&field.key).unwrap_or_default();
        rebuilt.insert(field.key.clone(), value(&field.ty, field.below.as_ref(), answered)?);
    }
    Some(Value::Object(rebuilt))
}

fn value(ty: &Type, below: Option<&Level>, answered: Value) -> Option<Value> {
    let complete = match (below, &ty.base, answered) {
        (None, _, leaf) => Some(leaf),
        (Some(_), BaseType::List(item), Value::List(items)) => {
            let items = items.into_iter().map(|answered| value(item, below, answered));
            items.collect::<Option<Vec<_>>>().map(Value::List)
        }
        (Some(level), BaseType::Named(_), Value::Object(members)) => {
            asked_of(level, &members).and_then(|asked| object(asked, members))
        }
        _ => None,
    };
    match complete {
        Some(Value::Null) | None => ty.nullable.then_some(Value::Null),
        complete => complete,
    }
}

/// The fields for the type that an object tells by its mark.
fn asked_of<'l>(level: &'l Level, members: &IndexMap<Name, Value>) -> Option<&'l [Asked]> {
    let Some(Value::String(told)) = members.get(MARK) else {
        return None;
    };
    let of_type = level.types.iter().find(|(name, _)| name.as_str() == told);
    of_type.map(|(_, asked)| asked.as_slice())
}
