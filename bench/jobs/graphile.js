// The same work as crates/thunderline-runtime/examples/job_throughput.rs, done by Graphile Worker.
// Arguments: the address of an empty database, the number of jobs, jobs at the same time.
import pg from "pg";
import { Logger, run, runMigrations } from "graphile-worker";

const [url, jobsText, concurrencyText] = process.argv.slice(2);
const [jobs, concurrency, singles, batch] = [Number(jobsText), Number(concurrencyText), 1000, 1000];
const pool = new pg.Pool({ connectionString: url, max: 20 });
const logger = new Logger(() => () => {});
await runMigrations({ pgPool: pool, logger });
const seconds = (from) => Number(process.hrtime.bigint() - from) / 1e9;

let started = process.hrtime.bigint();
for (let first = 0; first < jobs; first += batch) {
  // Keyed, as Thunderline's jobs are.
  const specs = [];
  for (let i = first; i < Math.min(jobs, first + batch); i++)
    specs.push({ identifier: "nothing", payload: { number: i }, jobKey: String(i) });
  await pool.query(
    `select graphile_worker.add_jobs(array(select json_populate_recordset(null::graphile_worker.job_spec, $1::json)))`,
    [JSON.stringify(specs.map((s) => ({ identifier: s.identifier, payload: s.payload, job_key: s.jobKey })))],
  );
}
const together = jobs / seconds(started);
started = process.hrtime.bigint();
for (let i = jobs; i < jobs + singles; i++)
  await pool.query(`select graphile_worker.add_job('nothing', $1::json, job_key := $2)`, [
    JSON.stringify({ number: i }),
    String(i),
  ]);
const singly = singles / seconds(started);

let left = jobs + singles;
let tell;
const done = new Promise((resolve) => (tell = resolve));
const preset = process.env.LOCAL_QUEUE
  ? { worker: { localQueue: { size: Number(process.env.LOCAL_QUEUE) }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } }
  : {};
started = process.hrtime.bigint();
const runner = await run({
  pgPool: pool,
  logger,
  preset: { ...preset, worker: { concurrentJobs: concurrency, ...preset.worker } },
  taskList: {
    nothing: () => {
      if (--left === 0) tell();
    },
  },
});
await done;
await runner.stop();
const rate = (jobs + singles) / seconds(started);
console.log(
  JSON.stringify({
    peer: "graphile-worker" + (process.env.LOCAL_QUEUE ? ", local queue and batched ends" : ""),
    jobs,
    concurrency,
    enqueued_together_per_s: Math.round(together),
    enqueued_singly_per_s: Math.round(singly),
    run_per_s: Math.round(rate),
  }),
);
await pool.end();
