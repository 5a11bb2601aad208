//! The JSON that the control API takes and gives, described from its types: what a type reads or writes is
//! what its description says, because both are derived from the same lines.

use kernel::Channel;
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Object, RefOr, Schema,
        schema::{AdditionalProperties, ObjectBuilder, OneOfBuilder, SchemaType, Type},
    },
};

use crate::{
    alipay::AlipayOddity,
    faults::{
        ChaosRule, DELAY_SECONDS_MAX, Fault, FaultKind, FaultTarget, PER_TEN_THOUSAND_MAX,
        TIMES_MAX,
    },
    vocabulary::words_of,
};

type Named = (String, RefOr<Schema>);

/// How one type looks in JSON.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    schema: fn() -> RefOr<Schema>,
    parts: fn(&mut Vec<Named>),
}

impl Shape {
    pub const fn of<T: ToSchema>() -> Shape {
        Shape { schema: <T as PartialSchema>::schema, parts: <T as ToSchema>::schemas }
    }

    /// The schemas of the types inside, by their names.
    pub fn parts(self) -> Vec<(String, Value)> {
        let mut parts = Vec::new();
        (self.parts)(&mut parts);
        parts.into_iter().map(|(name, schema)| (name, json!(schema))).collect()
    }

    /// The schema itself. A type that is read flattened into another is laid out in it.
    pub fn schema(self) -> Value {
        let parts: Map<String, Value> = self.parts().into_iter().collect();
        flat(json!((self.schema)()), &parts)
    }
}

/// One object in place of several that are read from the same text. An enumeration among them makes all
/// members of its variants possible, and those that every variant needs necessary.
fn flat(schema: Value, parts: &Map<String, Value>) -> Value {
    let Some(pieces) = schema["allOf"].as_array().cloned() else { return schema };
    let mut whole = json!({"type": "object", "properties": {}, "required": []});
    for piece in pieces {
        let piece = match piece["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
            Some(name) => flat(parts.get(name).cloned().unwrap_or_default(), parts),
            None => flat(piece, parts),
        };
        let variants = piece["oneOf"].as_array().cloned().unwrap_or_else(|| vec![piece]);
        let required = |one: &Value| one["required"].as_array().cloned().unwrap_or_default();
        let mut needed = variants.first().map(required).unwrap_or_default();
        for variant in &variants {
            add(&mut whole, variant);
            needed.retain(|name| required(variant).contains(name));
        }
        if let Some(all) = whole["required"].as_array_mut() {
            all.extend(needed);
        }
    }
    if schema.get("description").is_some() {
        whole["description"] = schema["description"].clone();
    }
    whole["additionalProperties"] = json!(false);
    whole
}

fn add(whole: &mut Value, object: &Value) {
    for (name, property) in object["properties"].as_object().into_iter().flatten() {
        let known = whole["properties"].get(name).and_then(|known| known["enum"].as_array());
        let mut property = property.clone();
        // The word that tells variants apart: any of them.
        if let (Some(known), Some(words)) = (known, property["enum"].as_array()) {
            property["enum"] = known.iter().chain(words).cloned().collect();
        }
        whole["properties"][name] = property;
    }
}

fn one_of(words: impl IntoIterator<Item = &'static str>) -> Object {
    let values: Vec<Value> = words.into_iter().map(|word| json!(word)).collect();
    let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    text.enum_values(Some(values)).build()
}

/// `wechat` or `alipay`.
pub(crate) struct Platform;

impl PartialSchema for Platform {
    fn schema() -> RefOr<Schema> {
        one_of(Channel::ALL.iter().map(|channel| channel.code())).into()
    }
}
impl ToSchema for Platform {}

/// What is odd about a notification of Alipay's.
pub(crate) fn oddity_schema() -> Object {
    let suits =
        |word: &&'static str| FaultKind::names_for(FaultTarget::AlipayNotification).contains(word);
    one_of(words_of::<AlipayOddity>().iter().copied().filter(suits))
}

fn whole_number(least: u64, most: u64) -> Object {
    let number = ObjectBuilder::new().schema_type(SchemaType::Type(Type::Integer));
    let bound = |bound: u64| isize::try_from(bound).unwrap_or(isize::MAX);
    number.minimum(Some(bound(least))).maximum(Some(bound(most))).build()
}

/// For each target an object of its own, with the names of the faults that it has.
fn by_target(more: &[(&str, Object, bool)]) -> RefOr<Schema> {
    let mut all = OneOfBuilder::new();
    for target in FaultTarget::ALL {
        let mut object = ObjectBuilder::new()
            .title(Some(target.code()))
            .property("target", one_of([target.code()]))
            .required("target")
            .property("fault", one_of(FaultKind::names_for(*target)))
            .required("fault")
            .additional_properties(Some(AdditionalProperties::FreeForm(false)));
        for (name, schema, is_needed) in more {
            object = object.property(*name, schema.clone());
            if *is_needed {
                object = object.required(*name);
            }
        }
        all = all.item(object);
    }
    RefOr::T(Schema::OneOf(all.build()))
}

impl PartialSchema for Fault {
    fn schema() -> RefOr<Schema> {
        by_target(&[
            ("times", whole_number(1, u64::from(TIMES_MAX)), false),
            ("seconds", whole_number(1, DELAY_SECONDS_MAX), false),
        ])
    }
}
impl ToSchema for Fault {}

impl PartialSchema for ChaosRule {
    fn schema() -> RefOr<Schema> {
        by_target(&[
            ("per_ten_thousand", whole_number(1, u64::from(PER_TEN_THOUSAND_MAX)), true),
            ("seconds", whole_number(1, DELAY_SECONDS_MAX), false),
        ])
    }
}
impl ToSchema for ChaosRule {}
