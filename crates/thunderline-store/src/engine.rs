//! Both engines behind one small type each: pools and transactions. No other file runs a statement of the driver.

use std::{
    fs::OpenOptions, os::unix::fs::OpenOptionsExt, path::Path, str::FromStr, sync::Arc, time::Duration,
};

use sqlx::{
    AssertSqlSafe, Column, Connection, Decode, Executor, PgConnection, PgPool, Postgres, Row as _,
    SqlSafeStr, Sqlite, SqlitePool, Transaction, TypeInfo, ValueRef,
    pool::PoolOptions,
    postgres::{PgArguments, PgConnectOptions, PgRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous},
};
use thunderline_core::{
    Error, Result, TenantId,
    seams::{self, Point},
};
use uuid::Uuid;

use crate::{Row, Value, failure::explain};

/// Which database engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// One file, one writer at a time.
    Sqlite,
    /// PostgreSQL 15 or newer.
    Postgres,
}

/// How long a caller waits for a connection, a lock or the single writer before it hears `unavailable`.
const PATIENCE: Duration = Duration::from_secs(10);
/// SQLite readers; each is a thread.
const SQLITE_READERS: u32 = 4;
const POSTGRES_CONNECTIONS: u32 = 16;

pub(crate) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

pub(crate) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Pools {
    pub(crate) async fn connect(url: &str) -> Result<Self> {
        let scheme = url.split(':').next().unwrap_or_default();
        match scheme {
            "sqlite" => Self::sqlite(url).await,
            "postgres" | "postgresql" => Self::postgres(url).await,
            _ => Err(Error::invalid_value(
                "database.url",
                format!("unknown scheme '{scheme}'"),
                "sqlite:PATH or postgres://USER@HOST/DATABASE",
            )),
        }
    }

    async fn sqlite(url: &str) -> Result<Self> {
        if url.contains(":memory:") || url.contains("mode=memory") {
            let allowed = "sqlite:PATH; a writer and several readers share the file";
            return Err(Error::invalid_value(
                "database.url",
                "a database in memory has one connection",
                allowed,
            ));
        }
        let options = SqliteConnectOptions::from_str(url).map_err(bad_url)?;
        create_private(options.get_filename());
        // FULL: a commit that was reported survives a power cut, also in WAL mode.
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            // What is deleted is overwritten: a key of noise must not outlive its row in the file.
            .pragma("secure_delete", "on")
            .busy_timeout(PATIENCE);
        let pool = |most| PoolOptions::<Sqlite>::new().max_connections(most).acquire_timeout(PATIENCE);
        // The writer comes first: it creates the file and turns WAL on.
        let writer = pool(1).connect_with(options.clone()).await.map_err(|e| explain("connect", e))?;
        let readers = pool(SQLITE_READERS).connect_lazy_with(options.pragma("query_only", "on"));
        Ok(Self::Sqlite { writer, readers })
    }

    async fn postgres(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url).map_err(bad_url)?;
        let millis = PATIENCE.as_millis().to_string();
        let options = options
            .application_name("thunderline")
            .options([("lock_timeout", millis.as_str()), ("idle_in_transaction_session_timeout", "60000")]);
        // A pool would try again until its patience is over, and then say no more than that it is.
        let first = tokio::time::timeout(PATIENCE, PgConnection::connect_with(&options)).await;
        let first = first.unwrap_or_else(|late| Err(sqlx::Error::Io(late.into())));
        let closed = first.map_err(|e| explain("connect", e))?.close().await;
        closed.map_err(|e| explain("connect", e))?;
        let pool =
            PoolOptions::<Postgres>::new().max_connections(POSTGRES_CONNECTIONS).acquire_timeout(PATIENCE);
        Ok(Self::Postgres(pool.connect_with(options).await.map_err(|e| explain("connect", e))?))
    }

    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// A read-only transaction that sees one state of the database throughout; for one tenant or, where that is the
    /// store's own business, for none.
    pub(crate) async fn begin_read(&self, tenant: Option<TenantId>) -> Result<Tx> {
        let begun = match self {
            Self::Sqlite { readers, .. } => readers.begin().await.map(Tx::Sqlite),
            Self::Postgres(pool) => {
                let begin = for_tenant("begin isolation level repeatable read read only", tenant);
                begin_on(pool, begin).await
            }
        };
        begun.map_err(|error| explain("begin read", error))
    }

    /// A writing transaction. SQLite: the only one. PostgreSQL: read committed (see `Write`).
    pub(crate) async fn begin_write(&self, tenant: Option<TenantId>) -> Result<Tx> {
        seams::point(Point::Begin).await?;
        let begun = match self {
            Self::Sqlite { writer, .. } => writer.begin_with("begin immediate").await.map(Tx::Sqlite),
            Self::Postgres(pool) => {
                let begin = for_tenant("begin isolation level read committed", tenant);
                begin_on(pool, begin).await
            }
        };
        begun.map_err(|error| explain("begin write", error))
    }

    /// A writing transaction for taking and ending jobs. PostgreSQL's planner is told to go by the indexes: where a queue
    /// grew faster than its statistics, it would sort all that waits for every claim.
    pub(crate) async fn begin_queue(&self) -> Result<Tx> {
        let Self::Postgres(pool) = self else { return self.begin_write(None).await };
        let begin = "begin isolation level read committed; set local enable_sort = off; \
                     set local enable_seqscan = off; set local enable_bitmapscan = off";
        begin_on(pool, begin).await.map_err(|error| explain("begin queue", error))
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// Begins in a task of its own, which goes on where the caller is gone. The driver forgets a transaction whose begin was on its
/// way when its caller left: the connection would carry it to whoever gets it next.
async fn begin_on(pool: &PgPool, begin: impl SqlSafeStr + Send + 'static) -> Result<Tx, sqlx::Error> {
    let pool = pool.clone();
    let begun = tokio::spawn(async move { pool.begin_with(begin).await });
    begun.await.map_err(|ended| sqlx::Error::Io(ended.into()))?.map(Tx::Postgres)
}

/// Sets, with the transaction's begin and until its end, the tenant that policies of row-level security may ask for:
/// `current_setting('tl.tenant', true)`.
fn for_tenant(begin: &str, tenant: Option<TenantId>) -> AssertSqlSafe<String> {
    let tenant = tenant.map(|TenantId(tenant)| format!("; set local tl.tenant = '{tenant}'"));
    AssertSqlSafe(format!("{begin}{}", tenant.unwrap_or_default()))
}

/// Makes a new database's file readable by its owner only; SQLite gives the files beside it the same mode. Where there is a
/// file already, or none can be made, opening it says what there is to say.
fn create_private(file: &Path) {
    let _exists = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
}

fn bad_url(error: sqlx::Error) -> Error {
    Error::invalid_value("database.url", error.to_string(), "sqlite:PATH or postgres://USER@HOST/DATABASE")
        .caused_by(error)
}

impl Tx {
    pub(crate) fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Runs a statement and returns the number of rows it changed.
    pub(crate) async fn exec(
        &mut self,
        name: &'static str,
        sql: impl SqlSafeStr,
        args: Vec<Value>,
    ) -> Result<u64> {
        let done = match self {
            Self::Sqlite(tx) => bind_sqlite(sql, args).execute(&mut **tx).await.map(|r| r.rows_affected()),
            Self::Postgres(tx) => {
                bind_postgres(sql, args).execute(&mut **tx).await.map(|r| r.rows_affected())
            }
        };
        done.map_err(|error| explain(name, error))
    }

    /// Runs a statement and returns its rows.
    pub(crate) async fn all(
        &mut self,
        name: &'static str,
        sql: impl SqlSafeStr,
        args: Vec<Value>,
    ) -> Result<Vec<Row>> {
        match self {
            Self::Sqlite(tx) => {
                let rows = bind_sqlite(sql, args).fetch_all(&mut **tx).await;
                decode(name, &rows.map_err(|error| explain(name, error))?, sqlite_value)
            }
            Self::Postgres(tx) => {
                let rows = bind_postgres(sql, args).fetch_all(&mut **tx).await;
                decode(name, &rows.map_err(|error| explain(name, error))?, postgres_value)
            }
        }
    }

    /// Runs a statement that gives at most one row.
    pub(crate) async fn one(
        &mut self,
        name: &'static str,
        sql: impl SqlSafeStr,
        args: Vec<Value>,
    ) -> Result<Option<Row>> {
        let mut rows = self.all(name, sql, args).await?;
        match rows.len() {
            0 | 1 => Ok(rows.pop()),
            many => Err(Error::internal(format!("statement {name} gave {many} rows instead of one"))),
        }
    }

    /// Runs a text of several statements without arguments.
    pub(crate) async fn script(&mut self, name: &str, sql: String) -> Result<()> {
        let script = sqlx::raw_sql(AssertSqlSafe(sql));
        let done = match self {
            Self::Sqlite(tx) => script.execute(&mut **tx).await.map(|_| ()),
            Self::Postgres(tx) => script.execute(&mut **tx).await.map(|_| ()),
        };
        done.map_err(|error| explain(name, error))
    }

    /// Lets the engine check a statement without running it.
    pub(crate) async fn prepare(&mut self, name: &'static str, sql: &'static str) -> Result<()> {
        let done = match self {
            Self::Sqlite(tx) => (&mut **tx).prepare(sql.into_sql_str()).await.map(|_| ()),
            Self::Postgres(tx) => (&mut **tx).prepare(sql.into_sql_str()).await.map(|_| ()),
        };
        done.map_err(|error| explain(name, error))
    }

    pub(crate) async fn commit(self) -> Result<()> {
        seams::point(Point::Commit).await?;
        let done = match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        };
        done.map_err(|error| explain("commit", error))?;
        seams::point(Point::Committed).await
    }
}

fn bind_sqlite<'q>(sql: impl SqlSafeStr, args: Vec<Value>) -> Query<'q, Sqlite, SqliteArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::I64(value) => query.bind(value),
        Value::F64(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Uuid(value) => query.bind(value),
    })
}

fn bind_postgres<'q>(sql: impl SqlSafeStr, args: Vec<Value>) -> Query<'q, Postgres, PgArguments> {
    args.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::I64(value) => query.bind(value),
        Value::F64(value) => query.bind(value),
        Value::Text(value) => query.bind(value),
        Value::Bytes(value) => query.bind(value),
        Value::Uuid(value) => query.bind(value),
    })
}

fn decode<R: sqlx::Row>(
    statement: &'static str,
    rows: &[R],
    value: fn(&R, usize) -> Result<Value, sqlx::Error>,
) -> Result<Vec<Row>> {
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let columns: Arc<[String]> = first.columns().iter().map(|column| column.name().to_owned()).collect();
    rows.iter()
        .map(|row| {
            let values = (0..columns.len()).map(|index| value(row, index)).collect::<Result<_, _>>();
            let values = values.map_err(|error| explain(statement, error))?;
            Ok(Row { statement, columns: columns.clone(), values })
        })
        .collect()
}

fn sqlite_value(row: &SqliteRow, index: usize) -> Result<Value, sqlx::Error> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Value::I64(None));
    }
    let type_name = raw.type_info().name().to_owned();
    let value = match type_name.as_str() {
        "REAL" => <f64 as Decode<'_, Sqlite>>::decode(raw).map(|v| Value::F64(Some(v))),
        "TEXT" => <String as Decode<'_, Sqlite>>::decode(raw).map(|v| Value::Text(Some(v))),
        "BLOB" => <Vec<u8> as Decode<'_, Sqlite>>::decode(raw).map(|v| Value::Bytes(Some(v))),
        _ => <i64 as Decode<'_, Sqlite>>::decode(raw).map(|v| Value::I64(Some(v))),
    };
    value.map_err(|source| sqlx::Error::ColumnDecode { index: index.to_string(), source })
}

fn postgres_value(row: &PgRow, index: usize) -> Result<Value, sqlx::Error> {
    let raw = row.try_get_raw(index)?;
    if raw.is_null() {
        return Ok(Value::I64(None));
    }
    let type_name = raw.type_info().name().to_owned();
    let value = match type_name.as_str() {
        "INT8" => <i64 as Decode<'_, Postgres>>::decode(raw).map(|v| Value::I64(Some(v))),
        "INT4" => <i32 as Decode<'_, Postgres>>::decode(raw).map(|v| Value::I64(Some(v.into()))),
        "INT2" => <i16 as Decode<'_, Postgres>>::decode(raw).map(|v| Value::I64(Some(v.into()))),
        "BOOL" => <bool as Decode<'_, Postgres>>::decode(raw).map(|v| Value::I64(Some(v.into()))),
        "FLOAT8" => <f64 as Decode<'_, Postgres>>::decode(raw).map(|v| Value::F64(Some(v))),
        "FLOAT4" => <f32 as Decode<'_, Postgres>>::decode(raw).map(|v| Value::F64(Some(v.into()))),
        "TEXT" | "VARCHAR" | "NAME" | "CHAR" => {
            <String as Decode<'_, Postgres>>::decode(raw).map(|v| Value::Text(Some(v)))
        }
        "BYTEA" => <Vec<u8> as Decode<'_, Postgres>>::decode(raw).map(|v| Value::Bytes(Some(v))),
        "UUID" => <Uuid as Decode<'_, Postgres>>::decode(raw).map(|v| Value::Uuid(Some(v))),
        "VOID" => return Ok(Value::I64(None)),
        other => Err(format!("columns of type {other} do not exist on both engines: cast it").into()),
    };
    value.map_err(|source| sqlx::Error::ColumnDecode { index: index.to_string(), source })
}
