//! A resource that greets: `Custom::Greeting` with a `Name`, and the attribute `Text`.

use custom_resource::{CustomResource, Deadline, Failure, Request, Success};

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Greeting {
    name: String,
    #[serde(default)]
    loud: bool,
}

struct Greetings;

impl CustomResource for Greetings {
    fn physical_id(&self, request: &Request) -> String {
        format!("{}/{}", request.stack_id, request.logical_resource_id)
    }

    async fn create(&self, request: &Request, _: Deadline) -> Result<Success, Failure> {
        let Greeting { name, loud } = request.properties()?;
        let end = if loud { "!" } else { "." };
        Ok(Success::new().with("Text", format!("Hello, {name}{end}")))
    }

    async fn update(&self, request: &Request, deadline: Deadline) -> Result<Success, Failure> {
        self.create(request, deadline).await
    }

    async fn delete(&self, _: &Request, _: Deadline) -> Result<Success, Failure> {
        Ok(Success::new())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    custom_resource::run(Greetings).await
}
