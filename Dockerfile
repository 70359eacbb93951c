# One image for the API, the worker and the one-shot that prepares database and namespace.
FROM node:24-bookworm-slim

WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --loglevel=error && npm cache clean --force

COPY activities/ activities/
COPY api/ api/
COPY cli/ cli/
COPY config/ config/
COPY contracts/ contracts/
COPY crypto/ crypto/
COPY db/ db/
COPY plugins/ plugins/
COPY scripts/ scripts/
COPY templates/ templates/
COPY workflows/ workflows/
COPY worker.ts ./

# The sealing key and the first administrator's token: a volume, to be backed up.
RUN mkdir /var/lib/keyturn && chown node:node /var/lib/keyturn
VOLUME /var/lib/keyturn
ENV KEYTURN_KEY_FILE=/var/lib/keyturn/key \
    KEYTURN_ADMIN_TOKEN_FILE=/var/lib/keyturn/admin-token

USER node
ENTRYPOINT ["node", "--import", "./scripts/fast-imports.mjs"]
CMD ["api/server.ts"]
