//! `passkeyd store verify`.

use std::process::Output;

use tokio_postgres::{Client, NoTls};

use crate::node::new_schema;
use crate::support::{ended, passkeyd};

/// The database.
const POSTGRES: &str = "TEST_POSTGRES";

/// A database of its own, and its address.
struct Database {
    client: Client,
    url: String,
}

impl Database {
    async fn new() -> Self {
        let url = std::env::var(POSTGRES).unwrap();
        let name = new_schema("verify");
        let (base, _) = url.rsplit_once('/').unwrap();
        let new = format!("{base}/{name}");
        connect(&url)
            .await
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .await
            .unwrap();
        Self {
            client: connect(&new).await,
            url: new,
        }
    }

    /// How many schemas the command has left.
    async fn left(&self) -> i64 {
        let count = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'passkeyd%'";
        self.client.query_one(count, &[]).await.unwrap().get(0)
    }

    fn verify(&self, only: &str) -> (Option<i32>, String, String) {
        let mut command = passkeyd();
        command.args(["store", "verify", "--url", &self.url, "--only", only]);
        let Output {
            status,
            stdout,
            stderr,
        } = ended(&mut command);
        (
            status.code(),
            String::from_utf8(stdout).unwrap(),
            String::from_utf8(stderr).unwrap(),
        )
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn a_database_that_keeps_what_is_needed_passes_and_is_left_as_it_was() {
    let database = Database::new().await;
    let (code, out, errors) = database.verify("");
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{out}");
    let passed = "passed  authentications: of a hundred attempts at one authentication one wins\n";
    assert!(out.contains(passed), "{out}");
    assert!(!out.contains("FAILED"), "{out}");
    assert!(
        out.ends_with("was removed.\nThe database keeps what passkeyd needs.\n"),
        "{out}"
    );
    assert_eq!(database.left().await, 0);
}

/// The database loses the index that makes names unique, as soon as it is created.
#[tokio::test]
async fn a_database_that_does_not_keep_names_unique_fails() {
    let database = Database::new().await;
    let trigger = "CREATE FUNCTION lose() RETURNS event_trigger LANGUAGE plpgsql AS $$ \
         DECLARE made record; BEGIN \
         FOR made IN SELECT object_identity FROM pg_event_trigger_ddl_commands() LOOP \
         IF made.object_identity LIKE '%.users_by_name' THEN EXECUTE 'DROP INDEX ' || made.object_identity; END IF; \
         END LOOP; END $$; \
         CREATE EVENT TRIGGER lose ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION lose()";
    database.client.batch_execute(trigger).await.unwrap();
    let (code, out, errors) = database.verify("a name is taken once");
    assert_eq!(code, Some(1), "{out}");
    let failed = "FAILED  users: a name is taken once in a relying party byte for byte\n";
    assert!(out.contains(failed), "{out}");
    assert!(
        errors.contains("does not keep what passkeyd needs"),
        "{errors}"
    );
    assert_eq!(database.left().await, 0);
}

#[tokio::test]
async fn who_may_not_create_schemas_is_told_so() {
    let mut database = Database::new().await;
    let role = new_schema("role");
    let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'secret-of-a-test'");
    database.client.batch_execute(&create).await.unwrap();
    let (_, host) = database.url.rsplit_once('@').unwrap();
    database.url = format!("postgres://{role}:secret-of-a-test@{host}");
    let (code, out, errors) = database.verify("");
    assert_eq!(code, Some(1), "{out}");
    assert!(
        errors.contains("must be allowed to create schemas"),
        "{errors}"
    );
    assert!(!format!("{out}{errors}").contains("secret-of-a-test"));
}
