// A back end of the Authentication Cloud API: it has the access key and calls the real passkeyd.

import assert from 'node:assert/strict';

import { serve } from './server.mjs';

export class BackEnd {
  #key;

  // Starts passkeyd and creates a Relying Party with these origins.
  static async start(environment) {
    const backEnd = new BackEnd();
    backEnd.server = await serve(environment);
    backEnd.url = backEnd.server.url;
    return backEnd;
  }

  async useRelyingParty(id, origins) {
    const { accountSid, authToken } = this.server;
    const authorization = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`;
    const form = new URLSearchParams({
      FriendlyName: 'Example',
      'Passkeys.RelyingParty.Id': id,
      'Passkeys.RelyingParty.Name': 'Example',
      'Passkeys.RelyingParty.Origins': origins.join(','),
      'Passkeys.AuthenticatorAttachment': 'any',
      'Passkeys.DiscoverableCredentials': 'required',
      'Passkeys.UserVerification': 'preferred',
    });
    const service = await this.#call('POST', '/v2/Services', { authorization, body: form, expected: 201 });
    const path = `/manage/v1/services/${service.sid}/access-keys`;
    this.#key = (await this.#call('POST', path, { authorization, json: { name: 'Back end of the tests' }, expected: 201 })).key;
  }

  async #call(method, path, { authorization = `Bearer ${this.#key}`, json, body, expected = 200 } = {}) {
    const answer = await fetch(new URL(path, this.url), {
      method,
      headers: { ...(authorization && { authorization }), ...(json && { 'content-type': 'application/json' }) },
      body: json ? JSON.stringify(json) : body,
    });
    const text = await answer.text();
    assert.equal(answer.status, expected, `${method} ${path}: ${text}`);
    return text && JSON.parse(text);
  }

  enroll(username, fido2Options) {
    return this.#call('POST', '/api/v1/users/enroll', {
      json: { username, displayName: `The ${username}`, channel: 'fido2', ...(fido2Options && { fido2Options }) }, expected: 201,
    });
  }

  // Without a user, the passkey says who the user is.
  approve(user) {
    return this.#call('POST', '/api/v1/approval', { json: { channel: 'fido2', ...user }, expected: 201 });
  }

  status(statusToken) {
    return this.#call('POST', '/api/v1/status', { authorization: null, json: { statusToken } });
  }

  introspect(token) {
    return this.#call('POST', '/api/v1/introspect', { body: new URLSearchParams({ token }) });
  }

  user(userId) {
    return this.#call('GET', `/api/v1/users/${userId}`);
  }

  deleteUser(userId) {
    return this.#call('DELETE', `/api/v1/users/${userId}`, { expected: 204 });
  }

  deleteAuthenticator(authenticatorId) {
    return this.#call('DELETE', `/api/v1/authenticators/${authenticatorId}`, { expected: 204 });
  }

  stop() {
    return this.server.stop();
  }
}
