//! How a dialect describes itself: its operations, and the OpenAPI document they make.

use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HeaderBuilder, HttpMethod, InfoBuilder, ObjectBuilder,
    OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
    ServerBuilder, Type,
    example::{Example, ExampleBuilder},
    path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    response::ResponsesBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};

use super::{
    answer::JSON,
    dialect::Dialect,
    shape::{self, Member},
};

/// The bodies of forms, beside JSON.
pub const FORMS: [&str; 2] = ["application/x-www-form-urlencoded", "multipart/form-data"];
/// The token of the `Authorization` header.
pub fn bearer(about: &str) -> SecurityScheme {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    SecurityScheme::Http(bearer.description(Some(about)).build())
}

/// What every answer of every dialect carries.
const EVERYWHERE: [&str; 3] = ["Deprecation", "Link", "X-Request-Id"];

/// An answer with one status.
pub struct Said {
    about: String,
    content: Option<(&'static str, RefOr<Schema>)>,
    examples: Vec<(String, Example)>,
    headers: Vec<&'static str>,
}

impl Said {
    /// An answer without a body.
    pub fn nothing(about: &str) -> Self {
        let (content, examples, headers) = (None, Vec::new(), Vec::new());
        Self { about: about.to_owned(), content, examples, headers }
    }

    /// An answer of JSON.
    pub fn json(about: &str, schema: RefOr<Schema>) -> Self {
        Self::of(about, JSON, schema)
    }

    /// An answer of some type.
    pub fn of(about: &str, content_type: &'static str, schema: RefOr<Schema>) -> Self {
        Self { content: Some((content_type, schema)), ..Self::nothing(about) }
    }

    /// An answer of JSON that follows an example.
    pub fn like(about: &str, example: &str) -> Self {
        Self::json(about, shape::like(example))
    }

    /// An answer of some other text.
    pub fn page(about: &str, content_type: &'static str, example: &str) -> Self {
        let text = ObjectBuilder::new().schema_type(Type::String).examples([example]);
        Self { content: Some((content_type, text.into())), ..Self::nothing(about) }
    }

    /// The same with an example by name.
    #[must_use]
    pub fn example(mut self, name: &str, text: &str) -> Self {
        let example = ExampleBuilder::new().value(Some(shape::value(text))).build();
        self.examples.push((name.to_owned(), example));
        self
    }

    /// The same with a header that stands among the components.
    #[must_use]
    pub fn header(mut self, name: &'static str) -> Self {
        self.headers.push(name);
        self
    }
}

impl From<Said> for Response {
    fn from(said: Said) -> Self {
        let mut builder = ResponseBuilder::new().description(said.about);
        for name in EVERYWHERE.into_iter().chain(said.headers) {
            builder = builder.header_ref(name, Ref::new(format!("#/components/headers/{name}")));
        }
        if let Some((content_type, schema)) = said.content {
            let content = ContentBuilder::new().schema(Some(schema));
            builder =
                builder.content(content_type, content.examples_from_iter(said.examples).build());
        }
        builder.build()
    }
}

/// One operation.
pub struct Described {
    method: HttpMethod,
    path: &'static str,
    operation: OperationBuilder,
    responses: ResponsesBuilder,
}

impl Described {
    /// An operation with its id and a line on it.
    pub fn new(method: HttpMethod, path: &'static str, id: &str, summary: &str) -> Self {
        let operation = OperationBuilder::new().operation_id(Some(id)).summary(Some(summary));
        Self { method, path, operation, responses: ResponsesBuilder::new() }
    }

    fn with(self, change: impl FnOnce(OperationBuilder) -> OperationBuilder) -> Self {
        Self { operation: change(self.operation), ..self }
    }

    /// The same with more on it.
    #[must_use]
    pub fn about(self, text: &str) -> Self {
        self.with(|operation| operation.description(Some(text)))
    }

    /// The same below a heading.
    #[must_use]
    pub fn tag(self, tag: &str) -> Self {
        self.with(|operation| operation.tag(tag))
    }

    /// The same, which asks for all of these; said again for another way in.
    #[must_use]
    pub fn needs(self, schemes: &[&str]) -> Self {
        let none = SecurityRequirement::default();
        let all = schemes.iter().fold(none, |all, scheme| all.add(*scheme, [] as [&str; 0]));
        self.with(|operation| operation.security(all))
    }

    fn parameter(self, place: ParameterIn, name: &str, required: bool, schema: Member) -> Self {
        let required = if required { Required::True } else { Required::False };
        let parameter = ParameterBuilder::new().name(name).parameter_in(place).required(required);
        let parameter: Parameter = parameter.schema(Some(schema.into_schema())).build();
        self.with(|operation| operation.parameter(parameter))
    }

    /// The same with what stands in the path's braces.
    #[must_use]
    pub fn in_path(self, name: &str, schema: Member) -> Self {
        self.parameter(ParameterIn::Path, name, true, schema)
    }

    /// The same with a parameter of the query.
    #[must_use]
    pub fn query(self, name: &str, required: bool, schema: Member) -> Self {
        self.parameter(ParameterIn::Query, name, required, schema)
    }

    /// The same with a header.
    #[must_use]
    pub fn header(self, name: &str, required: bool, schema: Member) -> Self {
        self.parameter(ParameterIn::Header, name, required, schema)
    }

    /// The same, done once for each key that a client sends.
    #[must_use]
    pub fn idempotent(self) -> Self {
        let about = "The same key with the same request is done once, and answered with the \
            first success again; with another request it is refused. Kept for 30 days.";
        let key = Member::text("", about, "rent-2026-12").length(1, Some(255)).pattern("^[ -~]+$");
        self.header("Idempotency-Key", false, key)
    }

    /// The same with a body in any of these types.
    #[must_use]
    pub fn takes(self, types: &[&str], schema: &RefOr<Schema>) -> Self {
        let body = RequestBodyBuilder::new().required(Some(Required::True));
        let body = types.iter().fold(body, |body, content_type| {
            body.content(*content_type, ContentBuilder::new().schema(Some(schema.clone())).build())
        });
        self.with(|operation| operation.request_body(Some(body.build())))
    }

    /// The same with what it answers by a status.
    #[must_use]
    pub fn says(self, status: u16, said: Said) -> Self {
        let response = Response::from(said);
        Self { responses: self.responses.response(status.to_string(), response), ..self }
    }

    /// Its method changes nothing.
    pub const fn only_reads(&self) -> bool {
        matches!(self.method, HttpMethod::Get | HttpMethod::Head)
    }

    /// The same with answers that stand among the components.
    #[must_use]
    pub fn shares(self, answers: &[(u16, &str)]) -> Self {
        let responses = answers.iter().fold(self.responses, |responses, (status, name)| {
            responses.response(status.to_string(), RefOr::Ref(Ref::from_response_name(*name)))
        });
        Self { responses, ..self }
    }
}

/// What a document is made of.
pub struct Page {
    /// Whose it is.
    pub dialect: Dialect,
    /// What it says of the whole.
    pub about: &'static str,
    /// How clients show who they are.
    pub schemes: Vec<(&'static str, SecurityScheme)>,
    /// Answers and schemas that several operations share.
    pub components: ComponentsBuilder,
    /// The operations, in the order of the published text.
    pub operations: Vec<Described>,
}

const HEADERS: [(&str, &str, &str); 7] = [
    ("Deprecation", "Since when this API is called old, in seconds of Unix.", "@1795651200"),
    ("Link", "Where this page is.", "</docs>; rel=\"deprecation\""),
    ("X-Request-Id", "What the server's log calls this request.", "01kaz6cx1re5wvh2xjt8gq6n4d"),
    ("Retry-After", "After how many seconds to ask again.", "30"),
    ("Allow", "The methods of the path.", "POST, OPTIONS"),
    ("WWW-Authenticate", "How to show who one is.", "Bearer realm=\"api\""),
    ("Set-Cookie", "The cookies, each in a header of its own.", "name=value; Path=/"),
];

/// The document of a page.
pub fn document(page: Page) -> OpenApi {
    let title = format!("Teller: {}", page.dialect.name());
    let info = InfoBuilder::new()
        .title(title)
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(page.about));
    let at_root = ServerBuilder::new().url("/").description(Some("The documented paths"));
    let own = ServerBuilder::new().url(page.dialect.prefix());
    let own = own.description(Some("The same below a prefix of its own"));
    let mut components = page.components;
    for (name, about, example) in HEADERS {
        let text = ObjectBuilder::new().schema_type(Type::String).examples([example]);
        let header = HeaderBuilder::new().schema(Some(text)).description(Some(about));
        components = components.header(name, header.build());
    }
    for (name, scheme) in page.schemes {
        components = components.security_scheme(name, scheme);
    }
    let mut paths = Paths::new();
    for described in page.operations {
        let operation: Operation =
            described.operation.responses(described.responses.build()).build();
        paths.add_path_operation(described.path, vec![described.method], operation);
    }
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([at_root.build(), own.build()]))
        .paths(paths)
        .components(Some(components.build()))
        .build()
}
