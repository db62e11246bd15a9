/** Uploads files from a browser straight to the store of a Signpost service. */

export interface UploadOptions {
  /** The URL of the service. Default: the one that this module was loaded from. */
  server?: string | URL;
  /**
   * Headers of each call of the API, such as Authorization. A function is called for each of them, so that it can renew
   * a token. If the service rejects the headers, it is called again. The store receives none of them.
   */
  headers?: Record<string, string> | (() => Record<string, string> | Promise<Record<string, string>>);
  /** Aborts the upload, as abort does. */
  signal?: AbortSignal;
  /** Called when bytes were sent or stored, and when the state has changed; after upload returns, until done. */
  onProgress?: (progress: Progress) => void;
  /** Default: the name of the File. A Blob has none. */
  filename?: string;
  /** The path of the file in its folder, such as "photos/2026/a.jpg". Default: webkitRelativePath of the File. */
  relativePath?: string;
  /** Default: the type of the File or Blob. */
  contentType?: string;
  /** Stored with the import, and returned by it. */
  metadata?: Record<string, string>;
  /** When the import expires, in seconds. Default: that of the service. */
  expiresIn?: number;
  /** Reject further uploads to the same URL. */
  writeOnce?: boolean;
  /** Receives an event when the import is terminal. */
  webhookURL?: string;
  /** Compute CRC-64/NVME, which the store compares. Default: true. Stores that do not support it receive none. */
  checksum?: boolean;
  /**
   * Continue the upload of the same File that an earlier visit of the page left unfinished. Default: true. The state is
   * in localStorage, without headers and signed URLs. Other options apply to new imports only.
   */
  resume?: boolean;
}

/** Bytes of the file. */
export interface Progress {
  /** In the store. A pause or a reload keeps them. */
  stored: number;
  /** Sent by requests in progress. */
  sending: number;
  total: number;
}

/** Files above 16 MiB are sent in parts; at most some uploads to a service run at a time, and others wait. */
export interface Upload {
  /** The id of the import; "" before it is created. */
  readonly id: string;
  readonly state: UploadState;
  /**
   * The completed import. It is rejected with a ResponseError, NoResponseError, FileChangedError or NotCompletedError;
   * with the reason if the upload was aborted; or with the error of the function headers. A failed upload is tried
   * again by another call of upload.
   */
  readonly done: Promise<Import>;
  /** Waits for requests that end within 5 seconds, aborts others, and returns when all have ended. */
  pause(): Promise<void>;
  resume(): void;
  /** Aborts the import and removes its data. If the service does not confirm that, the upload is paused. */
  abort(reason?: unknown): Promise<void>;
}

export type UploadState = "waiting" | "hashing" | "uploading" | "pausing" | "paused" | "completing" | "completed" |
  "failed" | "aborting" | "aborted";

/** Uploads a file. Without a connection it waits, and it retries requests that fail temporarily. */
export function upload(file: Blob, options?: UploadOptions): Upload;

/** An error response: a Problem of the service, or an S3 error of the store. */
export class ResponseError extends Error {
  readonly name: "ResponseError";
  readonly source: "service" | "store";
  /** The HTTP status; 0 for an import that the service failed to complete. */
  readonly status: number;
  /** Such as "size-too-large" or, from a store, "SlowDown". "" for the page of a proxy. */
  readonly code: string;
  readonly detail: string;
  /** Such as "/size must be at most 1048576 bytes". */
  readonly fieldErrors: string[];
  /** The ID of the request in the log of the service. */
  readonly requestId: string;
  /** In milliseconds; 0 without Retry-After. */
  readonly retryAfter: number;
}

/** There was no response, although requests were repeated. CORS may not allow the page. */
export class NoResponseError extends Error {
  readonly name: "NoResponseError";
  readonly source: "service" | "store";
}

/** The file was changed, moved or deleted after it was chosen. */
export class FileChangedError extends Error {
  readonly name: "FileChangedError";
}

/** The import is failed, expired, or was aborted by another client. */
export class NotCompletedError extends Error {
  readonly name: "NotCompletedError";
  readonly status: ImportStatus;
  readonly detail: string;
}
