// How each example is prepared and started. `needs` are the commands, and the Debian packages that have them.

import { join } from 'node:path';

import { repository } from '../support/paths.mjs';

const folder = (name) => join(repository, 'examples', name);

export const examples = [
  { name: 'express', wire: 'twilio', command: ['node', 'server.mjs'] },
  { name: 'express', wire: 'nevis', command: ['node', 'server.mjs'], environment: { WIRE: 'nevis' } },
  { name: 'fastify', wire: 'twilio', command: ['node', 'server.mjs'] },
  { name: 'fastapi', wire: 'twilio', command: ['.venv/bin/uvicorn', 'main:app', '--port', '$PORT', '--no-access-log'] },
  { name: 'flask', wire: 'twilio', command: ['.venv/bin/flask', '--app', 'main', 'run', '--host', 'localhost', '--port', '$PORT'] },
  {
    name: 'django', wire: 'nevis', environment: { DATABASE: '$OUTPUT/db.sqlite3' }, build: [['.venv/bin/python', 'manage.py', 'migrate', '--run-syncdb']],
    command: ['.venv/bin/python', 'manage.py', 'runserver', '--noreload', 'localhost:$PORT'],
  },
  {
    name: 'go', wire: 'twilio', needs: { go: 'golang-go' }, build: [['go', 'build', '-o', '$OUTPUT/example', '.']], command: ['$OUTPUT/example'],
  },
  {
    name: 'php', wire: 'twilio', needs: { php: 'php-cli php-mbstring' }, environment: { ACCOUNTS: '$OUTPUT/accounts.json' },
    command: ['php', '-d', 'session.save_path=$OUTPUT', '-S', 'localhost:$PORT', 'index.php'],
  },
  { name: 'ruby', wire: 'twilio', needs: { ruby: 'ruby' }, command: ['ruby', 'server.rb'] },
  {
    name: 'java', wire: 'twilio', needs: { javac: 'default-jdk-headless' }, build: [['sh', '-c', 'javac -d $OUTPUT *.java']],
    command: ['java', '-cp', '$OUTPUT', 'Server'],
  },
  {
    name: 'axum', wire: 'twilio', build: [['cargo', 'build', '--quiet', '--locked', '--target-dir', '$CARGO']],
    command: ['$CARGO/debug/passkeyd-example-axum'],
  },
].map((example) => ({ ...example, folder: folder(example.name) }));
