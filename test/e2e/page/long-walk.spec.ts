import { describeWalks } from '../../support/page-walk';

describeWalks(200, 200);
