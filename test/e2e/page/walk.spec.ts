import { describeWalks } from '../../support/page-walk';

describeWalks(5, 100);
