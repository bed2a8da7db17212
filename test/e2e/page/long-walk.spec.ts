import { describeWalks } from '../../support/page-walk';

describeWalks(200, 200, Date.now() % 1_000_000);
