//! The PostgreSQL store on a real engine: the conformance suite, the model test, faults, costs, and the schema.
//!
//! `./test.sh` starts the engines and names them in the environment. Without them the tests fail.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test stops at the first surprise, prints its seeds, and has the time and connections of its own"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use domain::model::clock::Timestamp;
use domain::model::ids::NodeId;
use domain::store::{Fault, Responds, Storage, Upkeep};
use storage::conformance::{End, Faulty, StoreUnderTest, model, steps};
use storage::postgres::{PostgresError, Schema, migrate, schema};
use storage::{Memory, Postgres, PostgresUrl, Retrying};
use tokio::net::{TcpListener, TcpStream};

/// The variable with the address of an engine.
const READ_COMMITTED: &str = "TEST_POSTGRES";
/// The same, of a database whose transactions are serializable.
const SERIALIZABLE: &str = "TEST_POSTGRES_SERIALIZABLE";
/// The same, behind `PgBouncer` in transaction mode.
const POOLED: &str = "TEST_PGBOUNCER";

/// The version of the schema, and how many steps lead to it.
const CURRENT: i64 = 8;
const STEPS: usize = 8;

/// How long operations are sent again. Races of a hundred on a busy machine take their time.
const WITHIN: Duration = Duration::from_mins(1);

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(i64::try_from(since.as_millis()).unwrap())
}

/// The address of an engine, with a schema that nobody has used.
fn address(variable: &str) -> PostgresUrl {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let url = std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set; ./test.sh starts the engines and sets it")
    });
    let url: PostgresUrl = url.parse().unwrap();
    let n = NEXT.fetch_add(1, Ordering::Relaxed);
    url.with_schema(&format!("t_{}_{}_{n}", std::process::id(), now().0))
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

/// A store in a schema of its own.
struct InPostgres {
    url: PostgresUrl,
    fails: bool,
    store: Option<Arc<Postgres>>,
}

impl InPostgres {
    fn new(variable: &str, fails: bool) -> Self {
        Self::at(address(variable), fails)
    }

    fn prepared(variable: &str) -> Self {
        Self::at(address(variable).with_prepared_statements(), false)
    }

    fn at(url: PostgresUrl, fails: bool) -> Self {
        block_on(migrate(&url, NodeId([1; 16]), now)).unwrap();
        let mut under_test = Self {
            url,
            fails,
            store: None,
        };
        under_test.open();
        under_test
    }

    fn open(&mut self) {
        let store = Postgres::unchecked(&self.url).unwrap();
        store.let_writes_fail(self.fails);
        self.store = Some(Arc::new(store));
    }

    fn postgres(&self) -> Arc<Postgres> {
        Arc::clone(self.store.as_ref().unwrap())
    }
}

#[async_trait]
impl StoreUnderTest for InPostgres {
    fn store(&self) -> Arc<dyn Storage> {
        Arc::new(Retrying::new(self.postgres(), WITHIN))
    }

    async fn reopen(&mut self, end: End) {
        let store = self.store.take().unwrap();
        if let End::Closed = end {
            assert_eq!(store.close().await, Ok(()));
        }
        drop(store);
        self.open();
    }
}

fn read_committed() -> InPostgres {
    InPostgres::new(READ_COMMITTED, false)
}

mod conformance {
    storage::conformance_tests!(crate::read_committed);
}

fn serializable() -> InPostgres {
    InPostgres::new(SERIALIZABLE, false)
}

mod conformance_serializable {
    storage::conformance_tests!(crate::serializable);
}

fn pooled() -> InPostgres {
    InPostgres::new(POOLED, false)
}

/// Behind `PgBouncer` in transaction mode.
mod conformance_pooled {
    storage::conformance_tests!(crate::pooled);
}

fn prepared() -> InPostgres {
    InPostgres::prepared(READ_COMMITTED)
}

/// Each connection prepares its statements once.
mod conformance_prepared {
    storage::conformance_tests!(crate::prepared);
}

fn broken() -> InPostgres {
    InPostgres::new(READ_COMMITTED, true)
}

/// A quarter of the writes fail: before they reach the engine, at their commit, or after it.
mod conformance_of_broken_connections {
    storage::conformance_tests!(crate::broken);
}

fn faulty() -> Faulty<InPostgres> {
    Faulty::new(read_committed())
}

mod conformance_under_faults {
    storage::conformance_tests!(crate::faulty);
}

async fn compare(variable: &'static str, fails: bool) {
    // One seed of choice, to see a failure again, or a few.
    let seeds = match std::env::var("PASSKEYD_MODEL_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..4).collect(),
    };
    for seed in seeds {
        println!("seed {seed}");
        let made = tokio::task::spawn_blocking(move || InPostgres::new(variable, fails));
        let under_test = made.await.unwrap();
        model::run(seed, Arc::new(Memory::new()), under_test.store()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_operations_have_the_outcomes_of_the_reference() {
    compare(READ_COMMITTED, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_operations_have_the_outcomes_of_the_reference_when_serializable() {
    compare(SERIALIZABLE, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_operations_have_the_outcomes_of_the_reference_when_writes_fail() {
    compare(READ_COMMITTED, true).await;
}

/// Each operation waits for the network once. A start and a finish of an authentication are one statement each.
#[tokio::test]
async fn a_ceremony_costs_so_many_statements() {
    let made = tokio::task::spawn_blocking(read_committed);
    let mut under_test = made.await.unwrap();
    let store = under_test.postgres();
    let (mut costs, mut before) = (Vec::new(), store.cost());
    let seen = |name| {
        let now = store.cost();
        let statements = now.statements - before.statements;
        costs.push((name, statements, now.round_trips - before.round_trips));
        before = now;
    };
    steps::each(&mut under_test, seen).await;
    let expected = [
        // BEGIN and COMMIT count as statements.
        ("start of a registration with a new user", 4, 1),
        ("read of a registration", 1, 1),
        ("finish of a registration", 4, 1),
        ("read of a user with credentials", 1, 1),
        ("start of an authentication", 1, 1),
        ("read of an authentication", 2, 1),
        ("finish of an authentication", 1, 1),
        ("finish of a sealed authentication", 4, 1),
    ];
    assert_eq!(costs[1..], expected);
}

/// Passes connections on to an engine while it is open, and cuts all of them when it is shut.
struct Gate {
    port: u16,
    open: tokio::sync::watch::Sender<bool>,
}

impl Gate {
    async fn before(engine: std::net::SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, state) = tokio::sync::watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut state = state.clone();
                tokio::spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let mut server = TcpStream::connect(engine).await.unwrap();
                    tokio::select! {
                        _ = state.wait_for(|open| !open) => {}
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                    }
                });
            }
        });
        Self { port, open }
    }
}

#[tokio::test]
async fn a_store_whose_database_went_away_works_again_when_it_is_back() {
    let url = std::env::var(READ_COMMITTED).unwrap();
    let (head, rest) = url.rsplit_once(':').unwrap();
    let (port, database) = rest.split_once('/').unwrap();
    let gate = Gate::before(([127, 0, 0, 1], port.parse().unwrap()).into()).await;
    let schema = address(READ_COMMITTED).schema().to_owned();
    let url: PostgresUrl = format!("{head}:{}/{database}", gate.port).parse().unwrap();
    let url = url.with_schema(&schema);
    migrate(&url, NodeId([1; 16]), now).await.unwrap();
    let store = Postgres::open(&url).await.unwrap();
    assert_eq!(store.shared_secret([1; 32]).await, Ok([1; 32]));

    gate.open.send(false).unwrap();
    for _ in 0..3 {
        let outcome = store.ping().await;
        assert!(matches!(outcome, Err(Fault::Retryable(_))), "{outcome:?}");
        let outcome = store.shared_secret([2; 32]).await;
        assert!(
            matches!(outcome, Err(Fault::Retryable(_) | Fault::Unknown(_))),
            "{outcome:?}"
        );
    }

    gate.open.send(true).unwrap();
    assert_eq!(store.ping().await, Ok(Responds::Fully));
    assert_eq!(store.shared_secret([2; 32]).await, Ok([1; 32]));
}

/// A connection that closes the others of a database and changes its settings.
async fn operator() -> tokio_postgres::Client {
    let url = std::env::var(READ_COMMITTED).unwrap();
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test]
async fn while_no_host_takes_writes_a_store_is_alive_and_refuses_them() {
    let operator = operator().await;
    let name = address(READ_COMMITTED).schema().to_owned();
    let create = format!("CREATE DATABASE {name}");
    operator.batch_execute(&create).await.unwrap();
    let url = std::env::var(READ_COMMITTED).unwrap();
    let (head, _) = url.rsplit_once('/').unwrap();
    let url: PostgresUrl = format!("{head}/{name}?pool=1").parse().unwrap();
    migrate(&url, NodeId([1; 16]), now).await.unwrap();
    let store = Postgres::open(&url).await.unwrap();
    assert_eq!(store.shared_secret([1; 32]).await, Ok([1; 32]));

    let set = async |to: &str| {
        let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = {to}");
        operator.batch_execute(&read_only).await.unwrap();
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
        operator.query(end, &[&name]).await.unwrap();
    };
    set("on").await;
    assert_eq!(store.ping().await, Ok(Responds::ToReads));
    let outcome = store.shared_secret([2; 32]).await;
    assert!(matches!(outcome, Err(Fault::Retryable(_))), "{outcome:?}");

    set("off").await;
    assert_eq!(store.ping().await, Ok(Responds::Fully));
    assert_eq!(store.shared_secret([2; 32]).await, Ok([1; 32]));
}

/// An engine that answers nothing.
#[tokio::test]
async fn an_engine_that_does_not_answer_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url: PostgresUrl = format!("postgres://a@127.0.0.1:{port}/d").parse().unwrap();
    let store = Postgres::unchecked(&url).unwrap();
    let outcome = store.shared_secret([1; 32]).await;
    assert!(matches!(outcome, Err(Fault::Retryable(_))), "{outcome:?}");
    let outcome = store.ping().await;
    assert!(matches!(outcome, Err(Fault::Retryable(_))), "{outcome:?}");
}

#[tokio::test]
async fn every_statement_is_one_that_the_engine_knows() {
    let url = address(READ_COMMITTED);
    migrate(&url, NodeId([1; 16]), now).await.unwrap();
    let store = Postgres::open(&url).await.unwrap();
    assert_eq!(store.prepare_all().await, Ok(Vec::new()));
}

#[tokio::test]
async fn statements_are_not_prepared_once_behind_a_pooler_in_transaction_mode() {
    let pooled = address(POOLED);
    migrate(&pooled, NodeId([1; 16]), now).await.unwrap();
    Postgres::open(&pooled).await.unwrap();
    for _ in 0..5 {
        let prepared = pooled.clone().with_prepared_statements();
        let opened = Postgres::open(&prepared).await.map(drop);
        assert_eq!(opened, Err(PostgresError::Pooled));
        let migrated = migrate(&prepared, NodeId([1; 16]), now).await;
        assert_eq!(migrated, Err(PostgresError::Pooled));
    }
    let direct = address(READ_COMMITTED);
    migrate(&direct, NodeId([1; 16]), now).await.unwrap();
    for _ in 0..5 {
        let prepared = direct.clone().with_prepared_statements();
        Postgres::open(&prepared).await.unwrap();
    }
}

#[tokio::test]
async fn a_schema_is_made_once_and_a_program_refuses_one_that_it_does_not_know() {
    let url = address(READ_COMMITTED);
    assert_eq!(schema(&url).await, Ok(Schema::Missing));
    let missing = Postgres::open(&url).await.map(drop);
    assert!(
        matches!(missing, Err(PostgresError::Missing { .. })),
        "{missing:?}"
    );
    let (first, second) = tokio::join!(
        migrate(&url, NodeId([1; 16]), now),
        migrate(&url, NodeId([2; 16]), now)
    );
    assert_eq!(first.unwrap() + second.unwrap(), STEPS);
    assert_eq!(schema(&url).await, Ok(Schema::Usable { found: CURRENT }));
    assert_eq!(migrate(&url, NodeId([1; 16]), now).await, Ok(0));
    Postgres::open(&url).await.unwrap();

    // A newer program, whose schema this one may still use; and one whose schema it may not.
    let operator = operator().await;
    let note = |number: i64, oldest: i64| {
        format!(
            "INSERT INTO \"{}\".migrations VALUES ({number}, {oldest}, 0)",
            url.schema()
        )
    };
    operator.batch_execute(&note(CURRENT + 1, 1)).await.unwrap();
    let found = CURRENT + 1;
    assert_eq!(schema(&url).await, Ok(Schema::Usable { found }));
    Postgres::open(&url).await.unwrap();
    operator
        .batch_execute(&note(CURRENT + 2, CURRENT + 1))
        .await
        .unwrap();
    let newer = Postgres::open(&url).await.map(drop);
    let expected = PostgresError::Newer {
        found: CURRENT + 2,
        current: CURRENT,
    };
    assert_eq!(newer, Err(expected.clone()));
    let migrated = migrate(&url, NodeId([1; 16]), now).await;
    assert_eq!(migrated, Err(expected));
}

#[tokio::test]
async fn a_migration_that_was_killed_is_gone_on_with_when_its_lease_is_over() {
    let url = address(READ_COMMITTED);
    migrate(&url, NodeId([1; 16]), now).await.unwrap();
    // What a process leaves that was killed in the middle: some of the tables, no note, and its lease.
    let operator = operator().await;
    let name = url.schema();
    let left = format!(
        "DELETE FROM \"{name}\".migrations; DROP TABLE \"{name}\".users; DROP TABLE \"{name}\".events;
         INSERT INTO \"{name}\".leases VALUES ('migration', '\\x01', {})",
        now().0 + 1500
    );
    operator.batch_execute(&left).await.unwrap();
    assert_eq!(migrate(&url, NodeId([2; 16]), now).await, Ok(STEPS));
    let store = Postgres::open(&url).await.unwrap();
    assert_eq!(store.prepare_all().await, Ok(Vec::new()));
}

#[tokio::test]
async fn an_encrypted_connection_leads_to_a_server_that_proves_its_name() {
    let url = std::env::var("TEST_POSTGRES_ENCRYPTED").unwrap();
    let root = std::env::var("TEST_POSTGRES_ROOT").unwrap();
    let at = |url: &str, parameters: &str| -> PostgresUrl {
        format!("{url}?{parameters}").parse().unwrap()
    };
    let trusting = format!("sslmode=verify-full&sslrootcert={root}");
    let trusted = at(&url, &trusting);
    migrate(&trusted, NodeId([1; 16]), now).await.unwrap();
    let store = Postgres::unchecked(&trusted).unwrap();
    assert_eq!(store.ping().await, Ok(Responds::Fully));
    // The database takes no other connection, a root of the web did not sign its certificate, and it is not one of an address.
    let by_address = url.replace("@localhost:", "@127.0.0.1:");
    for (url, parameters, cause) in [
        (&url, "sslmode=disable", "pg_hba.conf"),
        (&url, "sslmode=verify-full", "certificate"),
        (&by_address, &*trusting, "certificate"),
    ] {
        let store = Postgres::unchecked(&at(url, parameters)).unwrap();
        let refused = store.ping().await;
        assert!(
            matches!(&refused, Err(Fault::Retryable(why)) if why.contains(cause)),
            "{refused:?}"
        );
    }
    let nothing = at(&url, "sslmode=verify-full&sslrootcert=/nowhere/root.pem");
    let error = Postgres::unchecked(&nothing).unwrap_err();
    assert!(
        matches!(error, PostgresError::Certificates { .. }),
        "{error:?}"
    );
}

/// Rows of a table that grows with the users, and of one that grows with the customers.
const USERS: u32 = 20_000;
const CUSTOMERS: u32 = 2_000;
/// Tables that grow with the users. Half of their rows belong to one Relying Party.
const OF_USERS: [&str; 10] = [
    "deliveries",
    "users",
    "credentials",
    "attestations",
    "ceremonies",
    "policies",
    "events",
    "used_tokens",
    "answers",
    "imported",
];
/// Tables that grow with the customers.
const OF_CUSTOMERS: [&str; 10] = [
    "console_records",
    "accounts",
    "api_keys",
    "relying_parties",
    "origins",
    "webhooks",
    "access_keys",
    "token_keys",
    "imports",
    "deletions",
];
/// What reads a table that grows from its beginning to its end, and why.
const WHOLE_TABLES: [(&str, &str, &str); 3] = [
    (
        "CreateFirstAccount",
        "accounts",
        "the first row ends the scan",
    ),
    (
        "ReplaceConsoleRecord",
        "console_records",
        "it looks at administrators, who are half of the records only here",
    ),
    (
        "DeleteConsoleRecord",
        "console_records",
        "it looks at administrators, who are half of the records only here",
    ),
];

/// Fills a table: keys are made of the number of the row, and half of the rows belong to the first Relying Party.
async fn fill(engine: &tokio_postgres::Client, schema: &str, table: &str, count: u32) {
    let columns = engine
        .query(
            "SELECT column_name::text, data_type::text FROM information_schema.columns \
             WHERE table_schema = $1 AND table_name = $2",
            &[&schema, &table],
        )
        .await
        .unwrap();
    assert!(!columns.is_empty(), "{table}");
    let party = if count == USERS {
        format!(
            "decode(md5('p' || CASE WHEN n <= {} THEN 1 ELSE n % {CUSTOMERS} + 1 END), 'hex')",
            count / 2
        )
    } else {
        "decode(md5('p' || n), 'hex')".to_owned()
    };
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for column in &columns {
        let (name, kind): (String, String) = (column.get(0), column.get(1));
        values.push(match (name.as_str(), kind.as_str()) {
            ("id", _) if table == "relying_parties" => "decode(md5('p' || n), 'hex')".to_owned(),
            ("relying_party_id", _) => party.clone(),
            (_, "bytea") => "decode(md5(n::text), 'hex')".to_owned(),
            ("kind" | "state", "bigint") => "n % 2".to_owned(),
            (_, "bigint") => "1800000000000 + n * 1000::bigint".to_owned(),
            (_, "boolean") => "n % 2 = 0".to_owned(),
            _ => "'t' || n".to_owned(),
        });
        names.push(name);
    }
    let (names, values) = (names.join(", "), values.join(", "));
    let fill = format!(
        "INSERT INTO {schema}.{table} ({names}) SELECT {values} FROM generate_series(1, {count}) AS n"
    );
    engine.batch_execute(&fill).await.unwrap();
}

/// The plan of a statement with parameters as a caller sends them.
async fn plan(engine: &tokio_postgres::Client, types: &str, text: &str) -> String {
    let (mut kinds, mut values) = (Vec::new(), Vec::new());
    for (n, letter) in types.chars().enumerate() {
        // The Relying Party or the owner comes first.
        let key = if n == 0 { "p1" } else { "7" };
        let key = format!("decode(md5('{key}'), 'hex')");
        let limit = text.contains(&format!("LIMIT ${}", n + 1));
        let (kind, value) = match letter {
            'b' => ("bytea", key),
            'i' if limit => ("bigint", "51".to_owned()),
            // A filter that lets all pass.
            'i' if text.contains(&format!("${} = 0 OR", n + 1)) => ("bigint", "0".to_owned()),
            'i' => ("bigint", "1800000007000".to_owned()),
            't' => ("text", "'t7'".to_owned()),
            'l' => ("boolean", "true".to_owned()),
            'B' => ("bytea[]", format!("ARRAY[{key}]")),
            'T' => ("text[]", "ARRAY['t7']".to_owned()),
            letter => panic!("{letter}"),
        };
        kinds.push(kind);
        values.push(value);
    }
    let (kinds, values) = match kinds.len() {
        0 => (String::new(), String::new()),
        _ => (
            format!("({})", kinds.join(", ")),
            format!("({})", values.join(", ")),
        ),
    };
    let prepare = format!("PREPARE of_a_test {kinds} AS {text}");
    engine.batch_execute(&prepare).await.unwrap();
    let explain = format!("EXPLAIN EXECUTE of_a_test {values}");
    let rows = engine.simple_query(&explain).await.unwrap();
    engine.batch_execute("DEALLOCATE of_a_test").await.unwrap();
    let lines = rows.iter().filter_map(|row| match row {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// With 20,000 users and 2,000 customers, each statement finds its rows by an index.
#[tokio::test]
async fn no_statement_reads_a_whole_table_that_grows() {
    let url = address(READ_COMMITTED);
    migrate(&url, NodeId([1; 16]), now).await.unwrap();
    let store = Postgres::open(&url).await.unwrap();
    let engine = operator().await;
    for table in OF_USERS {
        fill(&engine, url.schema(), table, USERS).await;
    }
    for table in OF_CUSTOMERS {
        fill(&engine, url.schema(), table, CUSTOMERS).await;
    }
    let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = $1";
    for row in engine.query(tables, &[&url.schema()]).await.unwrap() {
        let table: &str = row.get(0);
        let small = ["meta", "metadata", "leases", "migrations"].contains(&table);
        let grows = OF_USERS.contains(&table) || OF_CUSTOMERS.contains(&table);
        assert!(small != grows, "does {table} grow?");
    }
    let prepare = "SET plan_cache_mode = force_custom_plan";
    engine.batch_execute(prepare).await.unwrap();
    // Not the whole database: it has a schema for each test, and a lock on all their tables would be too many.
    for table in OF_USERS.iter().chain(&OF_CUSTOMERS) {
        let analyze = format!("ANALYZE {}.{table}", url.schema());
        engine.batch_execute(&analyze).await.unwrap();
    }
    let mut wrong = Vec::new();
    for (name, types, text) in store.catalogue() {
        let plan = plan(&engine, types, text).await;
        assert!(!plan.contains("One-Time Filter: false"), "{name}\n{plan}");
        for table in OF_USERS.iter().chain(&OF_CUSTOMERS) {
            let whole = plan.contains(&format!("Seq Scan on {table} "));
            let known = WHOLE_TABLES
                .iter()
                .any(|(statement, known, _)| *statement == name && known == table);
            if whole != known {
                wrong.push(format!("{name} reads {table} as a whole: {whole}\n{plan}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The statements that start a ceremony, as sent by nodes that begin on tables that are empty and were never analysed: their plans are
/// kept while the tables grow, until the engine analyses them.
#[tokio::test]
async fn on_new_tables_no_start_reads_the_ceremonies_of_others() {
    let url = address(READ_COMMITTED);
    migrate(&url, NodeId([1; 16]), now).await.unwrap();
    let store = Postgres::open(&url).await.unwrap();
    let engine = operator().await;
    let prepare = "SET plan_cache_mode = force_generic_plan";
    engine.batch_execute(prepare).await.unwrap();
    let hot = ["Begin", "BeginWithUser", "BeginEvent"];
    let mut found = 0;
    for (name, types, text) in store.catalogue() {
        if !hot.contains(&name.as_str()) {
            continue;
        }
        found += 1;
        let plan = plan(&engine, types, text).await;
        let mut index = "";
        for line in plan.lines() {
            if line.contains("Scan") {
                index = line;
            }
            let tables = ["ceremonies", "credentials", "events"];
            let grows = tables.iter().any(|table| index.contains(table));
            let condition = line.trim().strip_prefix("Index Cond: (");
            let of_all =
                condition.is_some_and(|c| c.contains("relying_party_id") && !c.contains("AND"));
            assert!(!(grows && of_all), "{name}\n{plan}");
            assert!(!(grows && index.contains("Seq Scan")), "{name}\n{plan}");
        }
    }
    assert_eq!(found, hot.len());
}
