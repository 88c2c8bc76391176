FROM node:20-bookworm-slim AS deps
WORKDIR /app
COPY package.json package-lock.json prisma.config.ts ./
COPY prisma ./prisma
# The embedded PostgreSQL is for trying out; production has its own.
RUN npm ci --omit=dev --ignore-scripts && npx prisma generate

FROM node:20-bookworm-slim
ENV NODE_ENV=production PORT=3000
WORKDIR /app
COPY --from=deps /app/node_modules ./node_modules
COPY --from=deps /app/src/store/prisma ./src/store/prisma
COPY package.json tsconfig.json ./
COPY prisma ./prisma
COPY blocks ./blocks
COPY src ./src
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:'+process.env.PORT+'/healthz').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]
# node itself is process 1, so that SIGTERM reaches it and it drains.
CMD ["node", "--import", "tsx", "src/main.ts"]
