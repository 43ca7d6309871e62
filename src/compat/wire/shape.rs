//! Schemas of the OpenAPI documents: what stands in a body, told member by member or read
//! off an example.

use serde_json::Value;
use utoipa::openapi::{
    ArrayBuilder, ObjectBuilder, Ref, RefOr, Schema, SchemaFormat, Type,
    schema::{AdditionalProperties, AnyOfBuilder, SchemaType},
};

use super::json::Json;

/// A value of an example.
pub fn value(text: &str) -> Value {
    serde_json::from_str(text).expect("examples are JSON")
}

/// The schema that an example follows: the same members in their order, all of them there
/// and no others.
pub fn like(example: &str) -> RefOr<Schema> {
    of(&Json::read(example.as_bytes()).expect("examples are JSON"))
}

fn of(json: &Json) -> RefOr<Schema> {
    let plain = |kind: Type| -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(kind).examples([value(&json.write())]).into()
    };
    match json {
        Json::Null => plain(Type::Null),
        Json::Bool(_) => plain(Type::Boolean),
        Json::Number(digits) if digits.contains(['.', 'e', 'E']) => plain(Type::Number),
        Json::Number(_) => plain(Type::Integer),
        Json::Text(_) => plain(Type::String),
        Json::List(items) => ArrayBuilder::new().items(items.first().map_or_else(any, of)).into(),
        Json::Object(members) => {
            let whole = members.iter().fold(ObjectBuilder::new(), |whole, (name, value)| {
                whole.property(name, of(value)).required(name)
            });
            whole.additional_properties(Some(AdditionalProperties::FreeForm(false))).into()
        }
    }
}

/// Whatever it is.
fn any() -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::AnyValue).into()
}

/// The same where one member may also be null.
#[must_use]
pub fn or_null(schema: RefOr<Schema>, member: &str) -> RefOr<Schema> {
    let RefOr::T(Schema::Object(mut whole)) = schema else {
        return schema;
    };
    if let Some(RefOr::T(Schema::Object(inner))) = whole.properties.get_mut(member) {
        inner.schema_type = [Type::String, Type::Null].into_iter().collect();
    }
    whole.into()
}

/// An object with one member, which is one of these texts.
pub fn words(member: &str, texts: &[&str]) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String);
    object(member, text.enum_values(Some(texts.to_vec())).into())
}

/// An object with one member, which is some text.
pub fn sentence(member: &str) -> RefOr<Schema> {
    object(member, ObjectBuilder::new().schema_type(Type::String).into())
}

/// An object with one member of this schema.
pub fn object(member: &str, schema: RefOr<Schema>) -> RefOr<Schema> {
    let whole = ObjectBuilder::new().property(member, schema).required(member);
    whole.additional_properties(Some(AdditionalProperties::FreeForm(false))).into()
}

/// One thing that is wrong with a body, as pydantic tells it.
pub fn fault() -> RefOr<Schema> {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let step = any_of([text().into(), ObjectBuilder::new().schema_type(Type::Integer).into()]);
    let whole = ObjectBuilder::new()
        .property("type", text())
        .property("loc", list(step))
        .property("msg", text())
        .property("input", any())
        .property("ctx", ObjectBuilder::new());
    let names = ["type", "loc", "msg", "input"];
    let whole = names.into_iter().fold(whole, ObjectBuilder::required);
    whole.additional_properties(Some(AdditionalProperties::FreeForm(false))).into()
}

/// A list of these.
pub fn list(items: RefOr<Schema>) -> RefOr<Schema> {
    ArrayBuilder::new().items(items).into()
}

/// A schema that stands among the components.
pub fn named(name: &str) -> RefOr<Schema> {
    RefOr::Ref(Ref::from_schema_name(name))
}

/// Any of these.
pub fn any_of(schemas: impl IntoIterator<Item = RefOr<Schema>>) -> RefOr<Schema> {
    let all = schemas.into_iter().fold(AnyOfBuilder::new(), AnyOfBuilder::item);
    // `anyOf` alone says which; a type beside it would say more than is meant.
    all.schema_type(SchemaType::AnyValue).into()
}

/// One member of a body that a client sends.
pub struct Member {
    name: String,
    schema: ObjectBuilder,
    required: bool,
}

impl Member {
    fn of(name: &str, kind: Type, about: &str, example: Value) -> Self {
        let schema = ObjectBuilder::new().schema_type(kind).description(Some(about));
        Self { name: name.to_owned(), schema: schema.examples([example]), required: true }
    }

    /// A text that must be there.
    pub fn text(name: &str, about: &str, example: &str) -> Self {
        Self::of(name, Type::String, about, Value::from(example))
    }

    /// A whole number that must be there.
    pub fn integer(name: &str, about: &str, example: i64) -> Self {
        Self::of(name, Type::Integer, about, Value::from(example))
    }

    /// A number that must be there.
    pub fn number(name: &str, about: &str, example: f64) -> Self {
        Self::of(name, Type::Number, about, Value::from(example))
    }

    /// An object that must be there.
    pub fn object<const N: usize>(name: &str, about: &str, members: [Self; N]) -> Self {
        let schema = members_of(members).description(Some(about));
        Self { name: name.to_owned(), schema, required: true }
    }

    /// A file that must be there.
    pub fn file(name: &str, about: &str) -> Self {
        let schema = ObjectBuilder::new().schema_type(Type::String).description(Some(about));
        let format = SchemaFormat::Custom("binary".to_owned());
        Self { name: name.to_owned(), schema: schema.format(Some(format)), required: true }
    }

    /// The same, which may be missing.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { required: false, ..self }
    }

    fn with(self, change: impl FnOnce(ObjectBuilder) -> ObjectBuilder) -> Self {
        Self { schema: change(self.schema), ..self }
    }

    /// The same of so many characters.
    #[must_use]
    pub fn length(self, min: usize, max: Option<usize>) -> Self {
        self.with(|schema| schema.min_length((min > 0).then_some(min)).max_length(max))
    }

    /// The same from one number to another.
    #[must_use]
    pub fn range(self, min: usize, max: usize) -> Self {
        self.with(|schema| schema.minimum(Some(min)).maximum(Some(max)))
    }

    /// The same of more than this.
    #[must_use]
    pub fn more_than(self, least: usize) -> Self {
        self.with(|schema| schema.exclusive_minimum(Some(least)))
    }

    /// The same of this at most.
    #[must_use]
    pub fn at_most(self, most: f64) -> Self {
        self.with(|schema| schema.maximum(Some(most)))
    }

    /// The same, which may be missing or null: a text.
    #[must_use]
    pub fn or_null(self) -> Self {
        let or_null: SchemaType = [Type::String, Type::Null].into_iter().collect();
        self.optional().with(|schema| schema.schema_type(or_null))
    }

    /// The same of this form.
    #[must_use]
    pub fn pattern(self, pattern: &str) -> Self {
        self.with(|schema| schema.pattern(Some(pattern)))
    }

    /// The same, one of these.
    #[must_use]
    pub fn one_of(self, choices: &[&str]) -> Self {
        self.with(|schema| schema.enum_values(Some(choices.to_vec())))
    }

    /// The same of a known format.
    #[must_use]
    pub fn format(self, format: &str) -> Self {
        self.with(|schema| schema.format(Some(SchemaFormat::Custom(format.to_owned()))))
    }

    /// The schema of the member alone, where it is no part of a body.
    pub fn into_schema(self) -> RefOr<Schema> {
        self.schema.into()
    }
}

fn members_of<const N: usize>(members: [Member; N]) -> ObjectBuilder {
    members.into_iter().fold(ObjectBuilder::new(), |whole, member| {
        let whole = whole.property(&member.name, member.schema);
        if member.required { whole.required(&member.name) } else { whole }
    })
}

/// An object of these members; what else is sent is passed by.
pub fn body<const N: usize>(members: [Member; N]) -> RefOr<Schema> {
    members_of(members).into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{like, or_null};

    #[test]
    fn a_schema_read_off_an_example_takes_that_and_nothing_else() {
        let schema = or_null(like(r#"{"b":1,"a":null,"c":["x"]}"#), "a");
        let schema = serde_json::to_value(schema).unwrap();
        assert_eq!(
            schema,
            json!({
                "type": "object",
                "required": ["b", "a", "c"],
                "properties": {
                    "b": { "type": "integer", "examples": [1] },
                    "a": { "type": ["string", "null"], "examples": [null] },
                    "c": { "type": "array", "items": { "type": "string", "examples": ["x"] } },
                },
                "additionalProperties": false,
            })
        );
    }
}
