/** A file of the page. */
export interface PageFile {
  readonly type: string;
  readonly text: string;
}

/** What the page is made of, by the path under which a browser asks for it. */
export function pageFile(path: string): PageFile | undefined {
  return path === '/' ? { type: 'text/html; charset=utf-8', text: '<!doctype html>\n' } : undefined;
}
