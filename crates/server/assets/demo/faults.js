// Ways to break a genuine credential. Each takes a credential as JSON and returns what is sent instead.

import { decode, encode } from './passkeys.js';

const withResponse = (credential, response) => ({ ...credential, response });

function withClientData(credential, change) {
  const data = JSON.parse(new TextDecoder().decode(decode(credential.response.clientDataJSON)));
  const text = JSON.stringify({ ...data, ...change });
  return withResponse(credential, { ...credential.response, clientDataJSON: encode(new TextEncoder().encode(text)) });
}

/**
 * `fresh`: needs a signature over a challenge that is still open. `other`: goes to the call of the other ceremony.
 * `twice`: the unchanged credential is sent first.
 */
export const faults = [
  {
    name: 'response-missing',
    title: 'No response',
    about: 'The response object is left out.',
    spoil: ({ response, ...rest }) => rest,
  },
  {
    name: 'only-client-data',
    title: 'Half a response',
    about: 'Only clientDataJSON is left in it.',
    spoil: (credential) => withResponse(credential, { clientDataJSON: credential.response.clientDataJSON }),
  },
  {
    name: 'wrong-ceremony',
    title: 'Wrong ceremony',
    about: 'Sign-in and registration mixed up.',
    other: true,
    spoil: (credential) => credential,
  },
  {
    name: 'wrong-type',
    title: 'Wrong type',
    about: 'It says it is a password.',
    spoil: (credential) => ({ ...credential, type: 'password' }),
  },
  {
    name: 'flat-shape',
    title: 'Flat shape',
    about: 'Its members are at the top level.',
    spoil: ({ response, ...rest }) => ({ ...rest, ...response }),
  },
  {
    name: 'tampered-signature',
    title: 'Tampered signature',
    about: 'One bit of it is flipped.',
    fresh: true,
    spoil: (credential) => {
      const signature = decode(credential.response.signature);
      signature[signature.length - 1] ^= 1;
      return withResponse(credential, { ...credential.response, signature: encode(signature) });
    },
  },
  {
    name: 'wrong-challenge',
    title: 'Wrong challenge',
    about: 'A challenge that was never issued.',
    fresh: true,
    spoil: (credential) => {
      const random = crypto.getRandomValues(new Uint8Array(24));
      const hex = Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
      return withClientData(credential, { challenge: encode(new TextEncoder().encode(hex)) });
    },
  },
  {
    name: 'wrong-origin',
    title: 'Wrong origin',
    about: 'As if signed on evil.example.',
    fresh: true,
    spoil: (credential) => withClientData(credential, { origin: 'https://evil.example' }),
  },
  {
    name: 'replay',
    title: 'Replay',
    about: 'A valid response, sent twice.',
    fresh: true,
    twice: true,
    spoil: (credential) => credential,
  },
];
