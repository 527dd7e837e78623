// Every call that the official JavaScript SDK has, unmodified, against the server that its environment names: as an
// owner, and as a user who was never given anything. Prints what came of each as one JSON document; the test judges.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { AuthressClient, UnauthorizedError } = require('@authress/sdk');

const { URL_OF_SERVER: url, ACCESS_KEY: accessKey, USER: user, USER_TOKEN: token, STRANGER_TOKEN: strangerToken, NAME: name } = process.env;

const owner = new AuthressClient({ authressApiUrl: url }, accessKey);
const asUser = new AuthressClient({ authressApiUrl: url });
asUser.setToken(token);
const stranger = new AuthressClient({ authressApiUrl: url }, () => strangerToken);

async function outcome(work) {
  try {
    const answered = await work();
    return { status: answered?.status ?? null, data: answered?.data ?? null };
  } catch (error) {
    return { status: error.status ?? null, unauthorized: error instanceof UnauthorizedError, code: error.data?.errorCode ?? error.code ?? null, message: String(error.message ?? '') };
  }
}

const action = 'documents:read';
const tree = `docs/${name}`;
const role = `ro_${name}`;
const record = `rec_${name}`;
const permissions = [{ action, allow: true, grant: false, delegate: false }];
const statements = [{ roles: [role], resources: [{ resourceUri: `${tree}/1` }, { resourceUri: `${tree}/2` }] }];
const seen = { owner: {}, user: {}, stranger: {}, login: {} };
const as = (who, client) => async (call, work) => {
  seen[who][call] = await outcome(() => work(client));
  return seen[who][call].data;
};
const byOwner = as('owner', owner);
const byUser = as('user', asUser);
const byStranger = as('stranger', stranger);

// --- an owner, in an order in which everything is there when it is needed
await byOwner('roles.createRole', c => c.roles.createRole({ roleId: role, name: 'Readers', permissions }));
await byOwner('roles.getRole', c => c.roles.getRole(role));
await byOwner('roles.updateRole', c => c.roles.updateRole(role, { roleId: role, name: 'Renamed', permissions }));
await byOwner('accessRecords.createRecord', c => c.accessRecords.createRecord({ recordId: record, name: 'r', users: [{ userId: user }], statements }));
const stored = await byOwner('accessRecords.getRecord', c => c.accessRecords.getRecord(record));
await byOwner('accessRecords.updateRecord', c => c.accessRecords.updateRecord(record, { ...stored, name: 'again' }, stored?.lastUpdated));
await byOwner('accessRecords.getRecords', c => c.accessRecords.getRecords(20, null, record, 'ACTIVE'));
await byOwner('resources.updateResourcePermissions', c => c.resources.updateResourcePermissions(`tenants-${name}`, { permissions: [{ action: 'CLAIM', allow: true }] }));
await byOwner('resources.getResourcePermissions', c => c.resources.getResourcePermissions(`tenants-${name}`));
await byOwner('resources.getResources', c => c.resources.getResources());
await byOwner('resources.getResourceUsers', c => c.resources.getResourceUsers(`${tree}/1`));
await byOwner('accounts.getAccounts', c => c.accounts.getAccounts());
await byOwner('accounts.getAccount', c => c.accounts.getAccount(accessKey.split('.')[2]));
await byOwner('accounts.linkIdentity', c => c.accounts.linkIdentity({ issuer: `https://${name}.example`, preferredAudience: 'bank', userIdExpression: `${name}|{sub}` }));
await byOwner('accounts.getAccountIdentities', c => c.accounts.getAccountIdentities());
const client = await byOwner('serviceClients.createClient', c => c.serviceClients.createClient({ name: 'asker' }));
const key = await byOwner('serviceClients.requestAccessKey', c => c.serviceClients.requestAccessKey(client?.clientId));
await byOwner('serviceClients.getClient', c => c.serviceClients.getClient(client?.clientId));
await byOwner('serviceClients.getClients', c => c.serviceClients.getClients());
await byOwner('serviceClients.updateClient', c => c.serviceClients.updateClient(client?.clientId, { name: 'renamed' }));
await byOwner('serviceClients.deleteAccessKey', c => c.serviceClients.deleteAccessKey(client?.clientId, key?.keyId));
await byOwner('serviceClients.deleteClient', c => c.serviceClients.deleteClient(client?.clientId));
await byOwner('users.getUser', c => c.users.getUser(user));
const invited = [{ roles: [role], resources: [{ resourceUri: `${tree}/3` }] }];
const invite = await byOwner('invites.createInvite', c => c.invites.createInvite({ statements: invited }));
await byOwner('invites.getInvite', c => c.invites.getInvite(invite?.inviteId));
await byOwner('userPermissions.authorizeUser', c => c.userPermissions.authorizeUser(user, `${tree}/1`, action));

// --- the user
await byUser('userPermissions.authorizeUser', c => c.userPermissions.authorizeUser(null, `${tree}/1`, action));
await byUser('userPermissions.authorizeUser denied', c => c.userPermissions.authorizeUser(user, `${tree}/9`, action));
await byUser('userPermissions.getUserPermissionsForResource', c => c.userPermissions.getUserPermissionsForResource(user, `${tree}/1`));
await byUser('userPermissions.getUserRolesForResource', c => c.userPermissions.getUserRolesForResource(user, `${tree}/1`));
await byUser('userPermissions.getUserResources', c => c.userPermissions.getUserResources(user, `${tree}/*`, 20, null, action));
await byUser('userPermissions.getUserResources everything', c => c.userPermissions.getUserResources(user, `${tree}/1/*`, 20, null, action));
await byUser('userPermissions.getUserResources nested', c => c.userPermissions.getUserResources(user, `${tree}/*`, 1, null, action, 'INCLUDE_NESTED'));
await byUser('userPermissions.getUserResources bare', c => c.userPermissions.getUserResources(user));
await byUser('invites.respondToInvite', c => c.invites.respondToInvite(invite?.inviteId));
await byUser('userPermissions.authorizeUser invited', c => c.userPermissions.authorizeUser(user, `${tree}/3`, action));
await byUser('accessRecords.createClaim', c => c.accessRecords.createClaim({ collectionResource: `tenants-${name}`, resourceId: 't1' }));
await byUser('userPermissions.authorizeUser claimed', c => c.userPermissions.authorizeUser(user, `tenants-${name}/t1/anything`, 'what:ever'));

// --- a stranger
await byStranger('accessRecords.createClaim', c => c.accessRecords.createClaim({ collectionResource: `tenants-${name}`, resourceId: 't1' }));
await byStranger('accessRecords.createRecord', c => c.accessRecords.createRecord({ name: 'r', users: [{ userId: 'me' }], statements }));
await byStranger('accessRecords.getRecord', c => c.accessRecords.getRecord(record));
await byStranger('accessRecords.getRecords', c => c.accessRecords.getRecords());
await byStranger('accessRecords.updateRecord', c => c.accessRecords.updateRecord(record, { name: 'r', users: [], statements }));
await byStranger('accessRecords.deleteRecord', c => c.accessRecords.deleteRecord(record));
await byStranger('roles.createRole', c => c.roles.createRole({ roleId: `${role}x`, name: 'n', permissions }));
await byStranger('roles.getRole', c => c.roles.getRole(role));
await byStranger('roles.updateRole', c => c.roles.updateRole(role, { roleId: role, name: 'n', permissions }));
await byStranger('roles.deleteRole', c => c.roles.deleteRole(role));
await byStranger('resources.updateResourcePermissions', c => c.resources.updateResourcePermissions(`tenants-${name}`, { permissions: [] }));
await byStranger('resources.getResourcePermissions', c => c.resources.getResourcePermissions(`tenants-${name}`));
await byStranger('resources.getResources', c => c.resources.getResources());
await byStranger('resources.getResourceUsers', c => c.resources.getResourceUsers(`${tree}/1`));
await byStranger('accounts.getAccounts', c => c.accounts.getAccounts());
await byStranger('accounts.getAccount', c => c.accounts.getAccount(accessKey.split('.')[2]));
await byStranger('accounts.linkIdentity', c => c.accounts.linkIdentity({ issuer: 'https://evil.example', preferredAudience: '*' }));
await byStranger('accounts.getAccountIdentities', c => c.accounts.getAccountIdentities());
await byStranger('serviceClients.createClient', c => c.serviceClients.createClient({ name: 'mine' }));
await byStranger('serviceClients.requestAccessKey', c => c.serviceClients.requestAccessKey(accessKey.split('.')[0]));
await byStranger('serviceClients.getClient', c => c.serviceClients.getClient(accessKey.split('.')[0]));
await byStranger('serviceClients.getClients', c => c.serviceClients.getClients());
await byStranger('serviceClients.updateClient', c => c.serviceClients.updateClient(accessKey.split('.')[0], { name: 'mine' }));
await byStranger('serviceClients.deleteAccessKey', c => c.serviceClients.deleteAccessKey(accessKey.split('.')[0], accessKey.split('.')[1]));
await byStranger('serviceClients.deleteClient', c => c.serviceClients.deleteClient(accessKey.split('.')[0]));
await byStranger('users.getUser', c => c.users.getUser(user));
await byStranger('invites.createInvite', c => c.invites.createInvite({ statements: invited }));
await byStranger('invites.getInvite', c => c.invites.getInvite('inv_none'));
await byStranger('invites.respondToInvite', c => c.invites.respondToInvite('inv_none'));
await byStranger('invites.deleteInvite', c => c.invites.deleteInvite('inv_none'));
await byStranger('userPermissions.authorizeUser', c => c.userPermissions.authorizeUser(user, `${tree}/1`, action));
await byStranger('userPermissions.getUserPermissionsForResource', c => c.userPermissions.getUserPermissionsForResource(user, `${tree}/1`));
await byStranger('userPermissions.getUserRolesForResource', c => c.userPermissions.getUserRolesForResource(user, `${tree}/1`));
await byStranger('userPermissions.getUserResources', c => c.userPermissions.getUserResources(user, `${tree}/*`, 20, null, action));

// --- the end, by the owner
const spare = await byOwner('invites.createInvite', c => c.invites.createInvite({ statements: invited }));
await byOwner('invites.deleteInvite', c => c.invites.deleteInvite(spare?.inviteId));
await byOwner('accessRecords.createClaim', c => c.accessRecords.createClaim({ collectionResource: `tenants-${name}`, resourceId: 't2' }));
await byOwner('accessRecords.deleteRecord', c => c.accessRecords.deleteRecord(record));
await byOwner('roles.deleteRole', c => c.roles.deleteRole(role));
await byUser('userPermissions.authorizeUser after', c => c.userPermissions.authorizeUser(user, `${tree}/1`, action));

// --- what belongs to login; the SDK repeats each that fails four times
const login = {
  'connections.createConnection': c => c.connections.createConnection({}),
  'connections.getConnection': c => c.connections.getConnection('con_1'),
  'connections.updateConnection': c => c.connections.updateConnection('con_1', {}),
  'connections.deleteConnection': c => c.connections.deleteConnection('con_1'),
  'connections.getConnectionCredentials': c => c.connections.getConnectionCredentials('con_1', 'u'),
  'connections.getConnections': c => c.connections.getConnections(),
  'extensions.createExtension': c => c.extensions.createExtension({}),
  'extensions.getExtension': c => c.extensions.getExtension('ext_1'),
  'extensions.updateExtension': c => c.extensions.updateExtension('ext_1', {}),
  'extensions.deleteExtension': c => c.extensions.deleteExtension('ext_1'),
  'extensions.getExtensions': c => c.extensions.getExtensions(),
  'tenants.createTenant': c => c.tenants.createTenant({}),
  'tenants.getTenant': c => c.tenants.getTenant('ten_1'),
  'tenants.updateTenant': c => c.tenants.updateTenant('ten_1', {}),
  'tenants.deleteTenant': c => c.tenants.deleteTenant('ten_1'),
  'tenants.getTenants': c => c.tenants.getTenants(),
  'userPermissions.requestUserToken': c => c.userPermissions.requestUserToken('u', { statements, expires: new Date().toISOString() }),
  'userPermissions.disableUserToken': c => c.userPermissions.disableUserToken('u', 'tok_1'),
};
await Promise.all(Object.entries(login).map(async ([call, work]) => { seen.login[call] = await outcome(() => work(owner)); }));

seen.calls = Object.keys(owner).filter(kind => Object.getPrototypeOf(owner[kind])?.constructor?.name?.endsWith('Api'))
  .flatMap(kind => Object.getOwnPropertyNames(Object.getPrototypeOf(owner[kind])).filter(each => each !== 'constructor').map(each => `${kind}.${each}`));

console.log(JSON.stringify(seen));
