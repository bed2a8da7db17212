/*
 * Every statement on a user's table names the user: node test/statements/check.mjs FILE
 *
 * FILE holds what `record.ts` has recorded. In each SELECT, UPDATE and DELETE, each table of `USER_TABLES` must be tied to the user in the WHERE
 * or in a join of that very SELECT: `user_id = …`. An INSERT must write `user_id`. What need not is in `exemptions.mjs`, with its reason.
 * A statement on a table of `LOOKED_UP_TABLES`, whose rows are found by their own keys, names no other table.
 */
import { readFileSync } from 'node:fs';
import { loadModule, parseSync } from 'libpg-query';
import { EXEMPTIONS } from './exemptions.mjs';

const USER_TABLES = new Set([
  'conversations',
  'feedback',
  'idempotency_keys',
  'messages',
  'open_replies',
  'past_usage',
  'providers',
  'search_entries',
  'search_segments',
  'shares',
  'user_event_heads',
  'user_events',
  'user_jobs',
]);

const LOOKED_UP_TABLES = new Set([
  'account_names',
  'admins',
  'api_keys',
  'password_resets',
  'sessions',
  'stream_tickets',
]);

await loadModule();
const texts = new Set(
  readFileSync(process.argv[2], 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line)),
);
const used = new Set();
let faults = 0;
for (const text of texts) {
  const statement = parseSync(text);
  const joined = [...tablesOf(statement)];
  if (joined.length > 1 && joined.some((table) => LOOKED_UP_TABLES.has(table))) {
    faults += 1;
    console.error(`${joined.join(', ')} in one statement: ${text.replaceAll(/\s+/g, ' ').trim()}\n`);
  }
  const tables = tablesWithoutUser(statement);
  if (tables.length === 0) continue;
  const plain = text.replaceAll(/\s+/g, ' ').trim();
  const exemption = EXEMPTIONS.find((each) => each.statement.test(plain));
  if (exemption) used.add(exemption);
  else {
    faults += 1;
    console.error(`${tables.join(', ')} without user_id: ${plain}\n`);
  }
}
const unused = EXEMPTIONS.filter((exemption) => !used.has(exemption));
for (const { statement } of unused) console.error(`This exemption is needed no more: ${statement}\n`);
console.log(`${texts.size} statements, ${used.size} exemptions, ${faults} faults`);
// Some are of statements that only some runs send, by a timer.
process.exitCode = faults > 0 ? 1 : 0;

function tablesWithoutUser(statement) {
  const found = [];
  visit(statement, found);
  return [...new Set(found)];
}

/** Every table that the statement reads or writes; not what it names in a `WITH` of its own. */
function tablesOf(statement) {
  const own = new Set(namedIn(statement));
  return new Set(tablesIn(statement).filter((table) => !own.has(table)));
}

function namedIn(node) {
  if (node === null || typeof node !== 'object') return [];
  const own = node.CommonTableExpr ? [node.CommonTableExpr.ctename] : [];
  return [...own, ...Object.values(node).flatMap(namedIn)];
}

function tablesIn(node) {
  if (node === null || typeof node !== 'object') return [];
  const { RangeVar, InsertStmt, UpdateStmt, DeleteStmt } = node;
  const own = [RangeVar, InsertStmt?.relation, UpdateStmt?.relation, DeleteStmt?.relation];
  return [
    ...own.flatMap((table) => (table ? [table.relname] : [])),
    ...Object.values(node).flatMap(tablesIn),
  ];
}

/** Looks at every SELECT, UPDATE, DELETE and INSERT of the tree, with those inside of it. */
function visit(node, found) {
  if (Array.isArray(node)) node.forEach((each) => visit(each, found));
  if (node === null || typeof node !== 'object') return;
  const { SelectStmt, UpdateStmt, DeleteStmt, InsertStmt } = node;
  if (SelectStmt) check(SelectStmt.fromClause ?? [], SelectStmt.whereClause, found);
  if (UpdateStmt)
    check(
      [{ RangeVar: UpdateStmt.relation }, ...(UpdateStmt.fromClause ?? [])],
      UpdateStmt.whereClause,
      found,
    );
  if (DeleteStmt)
    check(
      [{ RangeVar: DeleteStmt.relation }, ...(DeleteStmt.usingClause ?? [])],
      DeleteStmt.whereClause,
      found,
    );
  if (InsertStmt) {
    const { relname } = InsertStmt.relation;
    const columns = InsertStmt.cols?.map(({ ResTarget }) => ResTarget.name);
    if (USER_TABLES.has(relname) && columns && !columns.includes('user_id')) found.push(relname);
  }
  Object.values(node).forEach((each) => visit(each, found));
}

/** Tables of one FROM that no `=` on `user_id` of its WHERE or joins names. */
function check(from, where, found) {
  const tables = [];
  const conditions = [where];
  const collect = (item) => {
    if (item?.RangeVar) tables.push(item.RangeVar);
    if (item?.JoinExpr) {
      const { larg, rarg, quals, usingClause } = item.JoinExpr;
      if (usingClause?.some(({ String: column }) => column.sval === 'user_id')) conditions.push('using');
      conditions.push(quals);
      collect(larg);
      collect(rarg);
    }
  };
  from.forEach(collect);
  const named = new Set(
    conditions.flatMap((condition) => (condition === 'using' ? [''] : namesOf(condition))),
  );
  for (const { relname, alias } of tables) {
    if (!USER_TABLES.has(relname)) continue;
    if (!named.has(alias?.aliasname ?? relname) && !named.has('')) found.push(relname);
  }
}

/** The aliases of which a condition names `user_id` in an `=` or `= ANY`; '' where it has none. Sub-queries have conditions of their own. */
function namesOf(condition) {
  if (condition === undefined || condition === null || typeof condition !== 'object') return [];
  if (Array.isArray(condition)) return condition.flatMap(namesOf);
  if (condition.SubLink) return namesOf(condition.SubLink.testexpr);
  const names = Object.values(condition).flatMap(namesOf);
  const { A_Expr } = condition;
  if (A_Expr && A_Expr.name?.[0]?.String?.sval === '=')
    for (const side of [A_Expr.lexpr, A_Expr.rexpr]) {
      const fields = side?.ColumnRef?.fields?.map((field) => field.String?.sval);
      if (fields?.at(-1) === 'user_id') names.push(fields.length > 1 ? fields.at(-2) : '');
    }
  return names;
}
