import ReactMarkdown from "react-markdown";
import rehypeSanitize from "rehype-sanitize";
import remarkGfm from "remark-gfm";

const REMARK = [remarkGfm];
const REHYPE = [rehypeSanitize];

const asNamed = (source: string): string => source;

interface Properties {
  readonly text: string;
  readonly imageUrl?: (source: string) => string | null;
}

export default function MarkdownRendered({ text, imageUrl = asNamed }: Properties) {
  return (
    <ReactMarkdown
      remarkPlugins={REMARK}
      rehypePlugins={REHYPE}
      components={{
        a: ({ href, children }) => (
          <a href={href} target="_blank" rel="noreferrer noopener">
            {children}
          </a>
        ),
        img: ({ src, alt = "" }) => {
          if (typeof src !== "string") return <>{alt}</>;
          const url = imageUrl(src);
          if (url !== null) return <img src={url} alt={alt} />;
          return (
            <a href={src} target="_blank" rel="noreferrer noopener">
              {alt === "" ? src : alt}
            </a>
          );
        },
      }}
    >
      {text}
    </ReactMarkdown>
  );
}
