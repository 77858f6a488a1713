/** The address of the API server, and the credentials for it. */
import { existsSync } from "node:fs";
import { join } from "node:path";

/** An API server. */
export interface ApiServer {
  /** `https://host:port`, perhaps with a path before `/api`. */
  readonly url: string;
  /** Holds a bearer token; read anew for each request, since the kubelet renews it. */
  readonly tokenFile?: string;
  /** Holds the certificates, PEM, of the authorities to trust; the system's when there is none. Read anew for each request. */
  readonly caFile?: string;
}

/** Where the kubelet puts a pod's credentials. */
const serviceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The API server of the cluster whose pod this process runs in; undefined outside of any. */
export function clusterApiServer(
  environment: Readonly<NodeJS.ProcessEnv>,
  folder = serviceAccountFolder,
): ApiServer | undefined {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "443" } = environment;
  const tokenFile = join(folder, "token");
  if (host === "" || !existsSync(tokenFile)) {
    return undefined;
  }
  return {
    url: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    tokenFile,
    caFile: join(folder, "ca.crt"),
  };
}
