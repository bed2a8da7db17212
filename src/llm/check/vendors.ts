/** What is known of a provider by its address, as its documentation has it (November 2026). */
export interface Vendor {
  name: string;
  /** Regions have hosts of their own, and a key of one is refused by the others. `.` first: any host below it. */
  hosts: readonly string[];
  /** Of the base URL; all that are right. */
  paths: readonly string[];
  /** How its keys begin, if no other provider's do. */
  key?: RegExp;
}

const VENDORS: readonly Vendor[] = [
  { name: 'OpenAI', hosts: ['api.openai.com'], paths: ['/v1'], key: /^sk-(proj|svcacct|admin)-/ },
  { name: 'Azure', hosts: ['.openai.azure.com'], paths: ['/openai/v1', '/openai/deployments/*'] },
  { name: 'Anthropic', hosts: ['api.anthropic.com'], paths: ['/v1'], key: /^sk-ant-/ },
  {
    name: 'Google',
    hosts: ['generativelanguage.googleapis.com'],
    paths: ['/v1beta/openai', '/v1/openai'],
    key: /^AIza/,
  },
  { name: 'OpenRouter', hosts: ['openrouter.ai'], paths: ['/api/v1'], key: /^sk-or-/ },
  { name: 'Groq', hosts: ['api.groq.com'], paths: ['/openai/v1'], key: /^gsk_/ },
  { name: 'xAI', hosts: ['api.x.ai'], paths: ['/v1'], key: /^xai-/ },
  { name: 'Mistral', hosts: ['api.mistral.ai'], paths: ['/v1'] },
  { name: 'DeepSeek', hosts: ['api.deepseek.com'], paths: ['', '/v1', '/beta'] },
  {
    name: 'Alibaba Cloud (DashScope)',
    hosts: ['dashscope.aliyuncs.com', 'dashscope-intl.aliyuncs.com', 'dashscope-us.aliyuncs.com'],
    paths: ['/compatible-mode/v1'],
  },
  { name: 'Moonshot', hosts: ['api.moonshot.ai', 'api.moonshot.cn'], paths: ['/v1'] },
  {
    name: 'Zhipu',
    hosts: ['api.z.ai', 'open.bigmodel.cn'],
    paths: ['/api/paas/v4', '/api/coding/paas/v4'],
  },
  { name: 'MiniMax', hosts: ['api.minimax.io', 'api.minimaxi.com'], paths: ['/v1'] },
  { name: 'SiliconFlow', hosts: ['api.siliconflow.com', 'api.siliconflow.cn'], paths: ['/v1'] },
  { name: 'Together', hosts: ['api.together.xyz', 'api.together.ai'], paths: ['/v1'] },
  { name: 'Fireworks', hosts: ['api.fireworks.ai'], paths: ['/inference/v1'], key: /^fw_/ },
  { name: 'Perplexity', hosts: ['api.perplexity.ai'], paths: ['', '/v1'], key: /^pplx-/ },
  { name: 'Cerebras', hosts: ['api.cerebras.ai'], paths: ['/v1'], key: /^csk-/ },
  { name: 'NVIDIA', hosts: ['integrate.api.nvidia.com'], paths: ['/v1'], key: /^nvapi-/ },
  { name: 'Hugging Face', hosts: ['router.huggingface.co'], paths: ['/v1'], key: /^hf_/ },
];

export function vendorAt({ hostname }: URL): Vendor | undefined {
  return VENDORS.find(({ hosts }) =>
    hosts.some((host) => (host.startsWith('.') ? hostname.endsWith(host) : hostname === host)),
  );
}

export function vendorOfKey(key: string): Vendor | undefined {
  return VENDORS.find((vendor) => vendor.key?.test(key));
}
