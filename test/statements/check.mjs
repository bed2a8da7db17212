/*
 * Every statement on a user's table names the user: node test/statements/check.mjs FILE
 *
 * FILE holds what `record.ts` has recorded. In each SELECT, UPDATE and DELETE, each table of `USER_TABLES` must be tied to the user in the WHERE
 * or in a join of that very SELECT: `user_id = …`, where the other side is a value, or the `user_id` of a table that is tied itself. An INSERT must
 * write `user_id`; one without a list of columns writes all. What need not is in `exemptions.mjs`, with its reason.
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

/** Stands for a side of an `=` that is no column of a user's table. */
const VALUE = '=';
const EQUALS = new Set(['AEXPR_OP', 'AEXPR_OP_ANY', 'AEXPR_NOT_DISTINCT']);

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

/** Tables of one FROM that its WHERE and joins tie to no user. */
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
  const ofUsers = tables.filter(({ relname }) => USER_TABLES.has(relname));
  const aliases = ofUsers.map(({ relname, alias }) => alias?.aliasname ?? relname);
  const equalities = conditions.flatMap((condition) =>
    condition === 'using' ? pairsOf(aliases) : equalitiesOf(condition, aliases),
  );
  const tied = tiedTo(aliases, equalities);
  ofUsers.forEach(({ relname }, index) => tied.has(aliases[index]) || found.push(relname));
}

/**
 * The aliases whose `user_id` is said to be a value, or that of another one of which that is so. A value is whatever is no `user_id` of these tables:
 * a parameter, a CTE, a row of a function, a table of the query around this one.
 */
function tiedTo(aliases, equalities) {
  const tied = new Set();
  const isValue = (side) => !aliases.includes(side) || tied.has(side);
  for (let before = -1; before < tied.size;) {
    before = tied.size;
    for (const [left, right] of equalities) {
      if (left === undefined || right === undefined) continue;
      if (aliases.includes(left) && isValue(right)) tied.add(left);
      if (aliases.includes(right) && isValue(left)) tied.add(right);
    }
  }
  return tied;
}

const pairsOf = (aliases) => aliases.slice(1).map((alias) => [aliases[0], alias]);

/** What a condition says of `user_id` in all of its alternatives: pairs of aliases or values. Sub-queries have conditions of their own. */
function equalitiesOf(condition, aliases) {
  const { BoolExpr, A_Expr, SubLink } = condition ?? {};
  const inside = BoolExpr?.args.map((each) => equalitiesOf(each, aliases)) ?? [];
  if (BoolExpr?.boolop === 'AND_EXPR') return inside.flat();
  if (BoolExpr?.boolop === 'OR_EXPR')
    return inside[0].filter((pair) =>
      inside.every((other) => other.some((each) => String(each) === String(pair))),
    );
  if (SubLink?.subLinkType === 'ANY_SUBLINK')
    return membersOf(SubLink.testexpr).map((side) => [nameOf(side, aliases), VALUE]);
  if (A_Expr?.name[0].String.sval !== '=' || !EQUALS.has(A_Expr.kind)) return [];
  const [left, right] = [membersOf(A_Expr.lexpr), membersOf(A_Expr.rexpr)];
  return left.map((side, index) => [nameOf(side, aliases), nameOf(right[index], aliases)]);
}

function membersOf(side) {
  return side?.RowExpr ? side.RowExpr.args : [side];
}

/** The alias whose `user_id` it is, a value, or (undefined) something that says nothing: another column of the table, or one of any of several. */
function nameOf(side, aliases) {
  if (side?.TypeCast) return nameOf(side.TypeCast.arg, aliases);
  const fields = side?.ColumnRef?.fields.map((field) => field.String?.sval);
  if (!fields) return VALUE;
  const alias = fields.length > 1 ? fields.at(-2) : aliases.length === 1 ? aliases[0] : undefined;
  if (!aliases.includes(alias)) return fields.length > 1 ? VALUE : undefined;
  return fields.at(-1) === 'user_id' ? alias : undefined;
}
