// How the page is built: one small bundle with relative paths, so that the JobManager can serve it from any prefix.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** `npm run dev` shows the cluster that runs here. */
const jobManager = "http://127.0.0.1:8081";
const rest = ["/overview", "/config", "/jobs", "/taskmanagers"];

export default defineConfig({
  base: "./",
  plugins: [react()],
  build: { outDir: "dist", emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false } },
  server: { proxy: Object.fromEntries(rest.map((path) => [path, jobManager])) },
});
