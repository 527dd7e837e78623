// The official JavaScript SDK, unmodified, does the seven steps against the server that its environment names, and
// prints what it saw as one JSON document. What stock SDKs have no call for (marks, challenges) goes over its own HTTP
// client. No judgement here: the test that starts it judges.
import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { AuthressClient, UnauthorizedError } = require('@authress/sdk');
const { version } = require('@authress/sdk/package.json');

const { URL_OF_SERVER: url, ACCESS_KEY: accessKey, USER: user, USER_TOKEN: token, OTHER_TOKEN: otherToken, TOTP: secret, NAME: name } =
  process.env;
const action = 'transfers:create';
const resource = `accounts/${name}`;
const role = `ro_${name}`;
const seen = { version };

const backEnd = new AuthressClient({ authressApiUrl: url }, accessKey);
const asUser = new AuthressClient({ authressApiUrl: url });
asUser.setToken(token);
const asOther = new AuthressClient({ authressApiUrl: url }, () => otherToken);

function totp() {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replace(/=+$/, '')].map(letter => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map(byte => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const digest = createHmac('sha1', key).update(counter).digest();
  const number = digest.readUInt32BE(digest.at(-1) & 15) & 0x7fffffff;
  return String(number % 1000000).padStart(6, '0');
}

/** What came of an SDK call, as a JavaScript program sees it. */
async function outcome(work) {
  try {
    return { value: (await work())?.status ?? null };
  } catch (error) {
    return {
      unauthorized: error instanceof UnauthorizedError,
      isError: error instanceof Error,
      status: error.status ?? null,
      code: error.code ?? null,
      data: error.data ?? null,
    };
  }
}

const check = (client, where = resource) => () => client.userPermissions.authorizeUser(user, where, action);

await backEnd.roles.createRole({
  roleId: role,
  name: 'Transfers',
  permissions: [{ action, allow: true, grant: false, delegate: false }],
});
const created = await backEnd.accessRecords.createRecord({
  recordId: `rec_${name}`,
  name: 'May transfer',
  users: [{ userId: user }],
  statements: [{ roles: [role], resources: [{ resourceUri: resource }], stepUp: { level: 'strong' } }],
});
seen.created = { status: created.status, recordId: created.data.recordId };

seen.denied = await outcome(check(asUser, 'accounts/of-somebody-else'));
seen.refused = await outcome(check(asUser));
const stepUpChallengeToken = seen.refused.data?.stepUpChallengeToken;

const challenge = (await asUser.httpClient.post('/v1/challenges', { stepUpChallengeToken })).data;
const answered = await asUser.httpClient.post(`/v1/challenges/${challenge.challengeId}/answer`, { method: 'totp', code: totp() });
seen.answered = { status: answered.status, state: answered.data.state };
seen.reported = (await asUser.httpClient.post('/v1/step-up', { stepUpChallengeToken })).status;

seen.allowed = await outcome(check(asUser));
seen.other = await outcome(check(asOther));
seen.backEnd = await outcome(check(backEnd));

const read = (await backEnd.accessRecords.getRecord(`rec_${name}`)).data;
await backEnd.accessRecords.updateRecord(`rec_${name}`, { ...read, name: 'Renamed' }, read.lastUpdated);
const stored = (await backEnd.accessRecords.getRecord(`rec_${name}`)).data;
seen.kept = { name: stored.name, level: stored.statements[0].stepUp?.level ?? null };

seen.user = (await asUser.verifyToken(token)).sub;
seen.client = (await backEnd.verifyToken(await backEnd.tokenProvider())).sub;
seen.badToken = await outcome(() => {
  const client = new AuthressClient({ authressApiUrl: url });
  client.setToken('not.a.token');
  return client.userPermissions.authorizeUser(user, resource, action);
});

console.log(JSON.stringify(seen));
