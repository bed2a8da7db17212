import { isInBlockList, parseCidr, rangesToBlockList } from './network';

describe('parseCidr', () => {
  it.each([
    ['10.0.0.0/8', { address: '10.0.0.0', prefix: 8, family: 'ipv4' }],
    ['10.1.2.3', { address: '10.1.2.3', prefix: 32, family: 'ipv4' }],
    ['fd00::/8', { address: 'fd00::', prefix: 8, family: 'ipv6' }],
    ['::1', { address: '::1', prefix: 128, family: 'ipv6' }],
  ])('reads %s', (text, range) => expect(parseCidr(text)).toEqual(range));

  it.each([
    '',
    'x',
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '010.0.0.1',
    '1.2.3.4 ',
  ])('refuses "%s"', (text) => expect(parseCidr(text)).toBeUndefined());
});

describe('isInBlockList', () => {
  const list = rangesToBlockList(['10.0.0.0/8', 'fd00::/8']);

  it.each(['10.255.0.1', '::ffff:10.0.0.1', '::FFFF:10.0.0.1', 'fd12::1', 'fd12::1%eth0'])(
    'knows %s',
    (address) => expect(isInBlockList(list, address)).toBe(true),
  );

  it.each(['11.0.0.1', '::ffff:11.0.0.1', 'fe80::1', '', 'x', undefined])('does not know %s', (address) =>
    expect(isInBlockList(list, address)).toBe(false),
  );
});
