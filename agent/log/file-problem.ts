import { LogError, type LogErrorCode } from '../errors.ts';

/** True for what a file system answers, as opposed to a bug. */
export function isFileSystemError(error: unknown): error is NodeJS.ErrnoException {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'string' &&
    'syscall' in error
  );
}

export function isMissing(error: unknown): boolean {
  return isFileSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** The catalogue's error for what the file system answered. What is not the file system's is thrown on. */
export function toLogError(path: string, error: unknown): LogError {
  if (error instanceof LogError) return error;
  if (!isFileSystemError(error)) throw error;
  return new LogError(codeOf(error), path, { cause: error });
}

function codeOf(error: NodeJS.ErrnoException): LogErrorCode {
  if (isMissing(error)) return 'LOG_MISSING';
  if (error.code === 'EACCES' || error.code === 'EPERM') return 'LOG_PERMISSION';
  return error.code === 'EISDIR' ? 'LOG_NOT_A_FILE' : 'LOG_IO';
}
